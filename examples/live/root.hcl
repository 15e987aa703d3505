# Every unit includes this file. The account stands in account.hcl; hallpass reads the same file.
locals {
  account  = read_terragrunt_config(find_in_parent_folders("account.hcl"))
  accounts = jsondecode(file(find_in_parent_folders("accounts.json")))
  name     = local.account.locals.account_name
  id       = local.accounts[local.name].id
}

inputs = {
  account_name = local.name
  account_id   = local.id
}

# State in a file, so that this example needs no bucket. In production: an S3 bucket of each account, see the README.
remote_state {
  backend = "local"
  config = {
    path = "${get_terragrunt_dir()}/terraform.tfstate"
  }
  generate = {
    path      = "backend.tf"
    if_exists = "overwrite"
  }
}
