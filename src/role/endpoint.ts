import { BrokerError } from "../errors.ts";
import type { World } from "../types.ts";
import { visible } from "../visible.ts";

/** Regional endpoints: their tokens are valid in all regions, the global one's only in the default ones (IAM user guide, "Manage AWS STS in a region"). */
const DEFAULT_REGION = "us-east-1";

/**
 * Where STS is asked, from the user's environment alone: AWS_ENDPOINT_URL_STS, AWS_REGION, AWS_DEFAULT_REGION.
 * Throws UNSAFE_ENDPOINT: whoever answers decides what is handed out.
 */
export function stsEndpoint(env: World["env"]): { url: string; region: string } {
  const region = env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || DEFAULT_REGION;
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) throw unsafe("AWS_REGION", region, "a region such as eu-central-1");
  const given = env["AWS_ENDPOINT_URL_STS"];
  if (given === undefined || given === "") return { url: `https://sts.${region}.amazonaws.com`, region };
  if (!isSafe(given))
    throw unsafe(
      "AWS_ENDPOINT_URL_STS",
      given,
      "https:// at AWS (…amazonaws.com), or this machine (127.0.0.1, localhost, [::1])",
    );
  return { url: given, region };
}

/** AWS's own domains (VPC endpoints are among them), and this machine. */
const AWS_HOST = /\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws)$/;
const THIS_MACHINE = /^(?:127(?:\.\d+){3}|localhost|\[::1\])$/;

/**
 * An environment variable is not always the user's: Terragrunt 1.1.3 puts a unit's `extra_arguments.env_vars`
 * into the auth call of its dependencies. So it may choose among AWS's endpoints, and no other server.
 */
function isSafe(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.username !== "" || url.password !== "") return false;
  if (THIS_MACHINE.test(url.hostname)) return url.protocol === "https:" || url.protocol === "http:";
  return url.protocol === "https:" && AWS_HOST.test(url.hostname);
}

function unsafe(variable: string, came: string, expected: string): BrokerError {
  return new BrokerError("UNSAFE_ENDPOINT", `${variable} is not one that credentials may come from`, [
    ["expected", expected],
    ["came", came.includes("@") ? "an address with a password in it, not shown" : visible(came.slice(0, 100))],
    ["try", `unset ${variable}, or correct it`],
  ]);
}
