include "root" {
  path = find_in_parent_folders("root.hcl")
}

terraform {
  source = "${dirname(find_in_parent_folders("root.hcl"))}/modules/thing"
}

# Two dependencies in two other accounts: their outputs are read with their own accounts' roles.
dependency "vpc" {
  config_path = "../../../prod/us-east-1/vpc"
}

dependency "bucket" {
  config_path = "../../../logs/us-east-1/bucket"
}

inputs = {
  needs = {
    vpc    = dependency.vpc.outputs.id
    bucket = dependency.bucket.outputs.id
  }
}
