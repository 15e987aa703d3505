locals {
  account_name = "security"
}
