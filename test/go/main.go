// Reads certificates and NATS JWTs from standard input, and prints what Go's crypto/x509 and the official library of NATS
// (github.com/nats-io/jwt) say of them. Input and output are JSON; answers are in the order of what was asked.
package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/nats-io/jwt/v2"
)

type question struct {
	Certificates []certificate `json:"certificates"`
	Tokens       []string      `json:"tokens"`
	Creds        []string      `json:"creds"`
}

type certificate struct {
	// PEM.
	Certificate   string `json:"certificate"`
	Intermediates string `json:"intermediates"`
	Root          string `json:"root"`
	// "clientAuth" or "serverAuth".
	Purpose string `json:"purpose"`
	// What a client dials; empty for none.
	Host string `json:"host"`
}

type answer struct {
	// "OK", or why not.
	Certificates []string `json:"certificates"`
	Tokens       []token  `json:"tokens"`
	Creds        []creds  `json:"creds"`
}

type token struct {
	Error string `json:"error,omitempty"`
	// What the library finds wrong or doubtful, warnings included.
	Issues []string `json:"issues"`
	// The claims as the library understood them, encoded again by it.
	Claims any `json:"claims"`
}

type creds struct {
	Error string `json:"error,omitempty"`
	Token string `json:"token"`
	// Public key of the seed.
	User string `json:"user"`
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, "verify: standard input is not the JSON that is expected:", err)
		os.Exit(1)
	}
	said := answer{Certificates: []string{}, Tokens: []token{}, Creds: []creds{}}
	for _, one := range asked.Certificates {
		said.Certificates = append(said.Certificates, verify(one))
	}
	for _, text := range asked.Tokens {
		said.Tokens = append(said.Tokens, decode(text))
	}
	for _, text := range asked.Creds {
		said.Creds = append(said.Creds, read(text))
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func verify(asked certificate) string {
	block, _ := pem.Decode([]byte(asked.Certificate))
	if block == nil {
		return "no PEM"
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err.Error()
	}
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), DNSName: asked.Host}
	if !options.Roots.AppendCertsFromPEM([]byte(asked.Root)) {
		return "the root cannot be read"
	}
	if asked.Intermediates != "" && !options.Intermediates.AppendCertsFromPEM([]byte(asked.Intermediates)) {
		return "the intermediates cannot be read"
	}
	purposes := map[string]x509.ExtKeyUsage{"clientAuth": x509.ExtKeyUsageClientAuth, "serverAuth": x509.ExtKeyUsageServerAuth}
	options.KeyUsages = []x509.ExtKeyUsage{purposes[asked.Purpose]}
	if _, err := parsed.Verify(options); err != nil {
		return err.Error()
	}
	return "OK"
}

func decode(text string) token {
	claims, err := jwt.Decode(text)
	if err != nil {
		return token{Error: err.Error(), Issues: []string{}}
	}
	results := jwt.CreateValidationResults()
	claims.Validate(results)
	issues := []string{}
	for _, issue := range results.Issues {
		issues = append(issues, issue.Description)
	}
	return token{Issues: issues, Claims: claims}
}

func read(text string) creds {
	found, err := jwt.ParseDecoratedJWT([]byte(text))
	if err != nil {
		return creds{Error: err.Error()}
	}
	pair, err := jwt.ParseDecoratedUserNKey([]byte(text))
	if err != nil {
		return creds{Error: err.Error()}
	}
	user, err := pair.PublicKey()
	if err != nil {
		return creds{Error: err.Error()}
	}
	return creds{Token: found, User: user}
}
