# terraform_data is built in: nothing is downloaded.
variable "account_name" { type = string }
variable "account_id" { type = string }
variable "needs" {
  type    = map(string)
  default = {}
}

resource "terraform_data" "this" {
  input = {
    account = var.account_name
    id      = var.account_id
    needs   = var.needs
  }
}

output "id" {
  value = "${var.account_name}-${var.account_id}"
}
