/** The part of the SDK that we use, and nothing of ours: it is loaded when STS is really called. */
export { AssumeRoleCommand, GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from "@aws-sdk/client-sts";
