package secret

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// managerAt is a manager that asks a stand-in of AWS Secrets Manager, and how often that was asked.
func managerAt(t *testing.T) (*manager, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		status, answer := secretsManager(t, r)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return &manager{options: []func(*config.LoadOptions) error{
		config.WithBaseEndpoint(server.URL), config.WithRegion("eu-central-1"), config.WithSharedConfigFiles(nil), config.WithSharedCredentialsFiles(nil),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("id-of-nobody", "nothing", "")),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.Backoff = tries, retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		}),
	}}, &asked
}

// secretsManager answers as GetSecretValue of the service's JSON 1.1 protocol does.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func secretsManager(t *testing.T, r *http.Request) (int, map[string]any) {
	t.Helper()
	signed := r.Header.Get("Authorization")
	if r.Method != http.MethodPost || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" ||
		!strings.HasPrefix(signed, "AWS4-HMAC-SHA256 Credential=id-of-nobody/") || !strings.Contains(signed, "/secretsmanager/aws4_request") {
		t.Errorf("%s %v", r.Method, r.Header)
	}
	var in struct {
		ID           string `json:"SecretId"`
		VersionID    string `json:"VersionId"`
		VersionStage string
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		t.Error(err)
	}
	switch in.ID {
	case "plain":
		return http.StatusOK, map[string]any{"SecretString": "a plain one\n"}
	case "binary":
		return http.StatusOK, map[string]any{"SecretBinary": []byte("bytes")}
	case "object":
		return http.StatusOK, map[string]any{"SecretString": `{"user":"ann","port":5432,"list":[1]}`}
	case "versions":
		return http.StatusOK, map[string]any{"SecretString": "id " + in.VersionID + ", stage " + in.VersionStage}
	case "arn:aws:secretsmanager:us-east-1:123456789012:secret:there":
		return http.StatusOK, map[string]any{"SecretString": strings.Split(signed, "/")[2]}
	case "closed":
		return http.StatusBadRequest, map[string]any{"__type": "AccessDeniedException", "Message": "User is not authorized"}
	case "away":
		return http.StatusInternalServerError, map[string]any{"__type": "InternalServiceError", "Message": "An error occurred"}
	default:
		return http.StatusBadRequest, map[string]any{"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret."}
	}
}

func TestAWS(t *testing.T) {
	t.Parallel()
	const id = "01234567-89ab-cdef-0123-456789abcdef"
	for text, want := range map[string]string{
		"aws-sm://plain":                        "a plain one\n",
		"aws-sm://binary":                       "bytes",
		"aws-sm://object#user":                  "ann",
		"aws-sm://object#port":                  "5432",
		"aws-sm://versions?version=" + id:       "id " + id + ", stage ",
		"aws-sm://versions?version=AWSPREVIOUS": "id , stage AWSPREVIOUS",
		"aws-sm://arn:aws:secretsmanager:us-east-1:123456789012:secret:there": "us-east-1",

		"aws-sm://object#none": `error: the secret has no key "none"`,
		"aws-sm://object#list": `error: the key "list" of the secret is no text`,
		"aws-sm://plain#user":  "error: the secret is no JSON object, and has no keys",
		"aws-sm://missing":     "error: the answer of AWS Secrets Manager is ResourceNotFoundException: Secrets Manager can't find the specified secret.",
		"aws-sm://closed":      "error: the answer of AWS Secrets Manager is AccessDeniedException: User is not authorized",
		"aws-sm://away":        "error: the answer of AWS Secrets Manager is InternalServiceError: An error occurred",
		"aws-sm://":            "error: not a reference: aws-sm://NAME-OR-ARN, with ?version= and #KEY if wanted",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			m, asked := managerAt(t)
			got, err := m.resolve(t.Context(), text)
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if n := asked.Load(); strings.HasSuffix(text, "away") && n != tries || strings.HasSuffix(text, "closed") && n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}
