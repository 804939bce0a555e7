// The same as extension.py, with net/http of Go: extension secret|parameter NAME
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

func read(path string, into any) error {
	port := os.Getenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")
	if port == "" {
		port = "2773"
	}
	request, err := http.NewRequest(http.MethodGet, "http://localhost:"+port+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("X-Aws-Parameters-Secrets-Token", os.Getenv("AWS_SESSION_TOKEN"))
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s", answer.StatusCode, body)
	}
	return json.Unmarshal(body, into)
}

func value(kind, name string) (string, error) {
	id := url.QueryEscape(name)
	if kind == "secret" {
		var secret struct{ SecretString string }
		err := read("/secretsmanager/get?secretId="+id, &secret)
		return secret.SecretString, err
	}
	var parameter struct{ Parameter struct{ Value string } }
	err := read("/systemsmanager/parameters/get?name="+id+"&withDecryption=true", &parameter)
	return parameter.Parameter.Value, err
}

func main() {
	text, err := value(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}
