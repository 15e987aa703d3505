import { BrokerError } from "../errors.ts";
import type { AccountId, Partition, RoleArn } from "../types.ts";

/** Gruntwork's cross-account role, which every account of a landing zone has. */
export const DEFAULT_ROLE = "allow-full-access-from-other-accounts";

/** IAM's rule for a path and name: CreateRole, `[\u0021-\u007F]` paths narrowed to what ARNs carry. */
const ROLE_NAME = /^(?:[\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/;
const ROLE_ARN = /^arn:(aws):iam::(\d{12}):role\/(.+)$/;

/** `arn:aws:iam::666666666666:role/allow-full-access-from-other-accounts`. Throws BAD_ROLE for a name that IAM would not take. */
export function roleArn(partition: Partition, account: AccountId, name: string): RoleArn {
  if (!ROLE_NAME.test(name)) throw badRole("a role name");
  return `arn:${partition}:iam::${account}:role/${name}` as RoleArn;
}

/** Takes a role ARN apart. Throws BAD_ROLE. */
export function parseRoleArn(text: string): { arn: RoleArn; partition: Partition; account: AccountId; name: string } {
  const [, partition, account, name] = ROLE_ARN.exec(text) ?? [];
  if (partition === undefined || account === undefined || name === undefined || !ROLE_NAME.test(name))
    throw badRole("a role ARN");
  return { arn: text as RoleArn, partition: partition as Partition, account: account as AccountId, name };
}

function badRole(what: string): BrokerError {
  return new BrokerError("BAD_ROLE", `the text given with --role is not ${what}`, [
    ["expected", `${DEFAULT_ROLE}, or arn:aws:iam::<account id>:role/<name>`],
    ["try", "hallpass explain   (shows the role that is used without --role)"],
  ]);
}
