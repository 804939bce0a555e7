// Prints the ARN that STS knows the caller by, through the AWS SDK for JavaScript's default chain of credentials.

import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const identity = await new STSClient().send(new GetCallerIdentityCommand());
console.log(identity.Arn);
