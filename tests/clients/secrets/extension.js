// The same as extension.py, with the http module of Node: extension.js secret|parameter NAME

const http = require("node:http");

function read(path) {
  const options = {
    hostname: "localhost",
    port: process.env.PARAMETERS_SECRETS_EXTENSION_HTTP_PORT || 2773,
    path,
    headers: { "X-Aws-Parameters-Secrets-Token": process.env.AWS_SESSION_TOKEN },
  };
  return new Promise((resolve, reject) => {
    const request = http.get(options, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        if (answer.statusCode === 200) resolve(JSON.parse(body));
        else reject(new Error(`${answer.statusCode} ${body}`));
      });
    });
    request.on("error", reject);
  });
}

async function main() {
  const [kind, name] = process.argv.slice(2);
  const id = encodeURIComponent(name);
  if (kind === "secret") {
    return (await read(`/secretsmanager/get?secretId=${id}`)).SecretString;
  }
  const path = `/systemsmanager/parameters/get?name=${id}&withDecryption=true`;
  return (await read(path)).Parameter.Value;
}

main().then(
  (value) => process.stdout.write(value),
  (error) => {
    console.error(String(error));
    process.exitCode = 1;
  },
);
