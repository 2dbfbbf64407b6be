package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
)

const schemeAWS = "aws-sm"

// versionID is the form of a version's id; else it is the name of a stage, as AWSPREVIOUS.
var versionID = regexp.MustCompile(`^[0-9a-fA-F-]{32,64}$`)

// manager reads from AWS Secrets Manager, with the credentials and the region that the AWS SDK finds.
type manager struct {
	options []func(*config.LoadOptions) error // besides the environment

	mu     sync.Mutex
	client *secretsmanager.Client
}

// resolve reads a secret: the whole text, or a key of a JSON object.
func (m *manager) resolve(ctx context.Context, text string) (string, error) {
	r, err := parse(schemeAWS, text)
	if err != nil {
		return "", fmt.Errorf("%w: aws-sm://NAME-OR-ARN, with ?version= and #KEY if wanted", err)
	}
	ctx, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	client, err := m.open(ctx)
	if err != nil {
		return "", err
	}
	in := &secretsmanager.GetSecretValueInput{SecretId: &r.path}
	switch {
	case versionID.MatchString(r.version):
		in.VersionId = &r.version
	case r.version != "":
		in.VersionStage = &r.version
	}
	out, err := client.GetSecretValue(ctx, in, inRegionOf(r.path))
	if err != nil {
		return "", awsError(err)
	}
	value := aws.ToString(out.SecretString)
	if out.SecretString == nil {
		value = string(out.SecretBinary)
	}
	if r.key == "" {
		return value, nil
	}
	var object map[string]any
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	if decoder.Decode(&object) != nil {
		return "", errors.New("the secret is no JSON object, and has no keys")
	}
	return field(object, r.key)
}

func (m *manager) open(ctx context.Context) (*secretsmanager.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client != nil {
		return m.client, nil
	}
	options := append([]func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(tryTime).WithTransportOptions(func(t *http.Transport) {
			t.DisableKeepAlives = true // it is asked when a process starts, and not again
		})),
		config.WithRetryMaxAttempts(tries),
	}, m.options...)
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("load the configuration of AWS: %w", err)
	}
	m.client = secretsmanager.NewFromConfig(cfg)
	return m.client, nil
}

// inRegionOf asks where an ARN says that the secret is: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME.
func inRegionOf(id string) func(*secretsmanager.Options) {
	return func(o *secretsmanager.Options) {
		if parts := strings.Split(id, ":"); len(parts) > 5 && parts[0] == "arn" {
			o.Region = parts[3]
		}
	}
}

// awsError keeps what the service said, without numbers of requests.
func awsError(err error) error {
	var said smithy.APIError
	if errors.As(err, &said) {
		return fmt.Errorf("the answer of AWS Secrets Manager is %s: %s", said.ErrorCode(), said.ErrorMessage())
	}
	return fmt.Errorf("ask AWS Secrets Manager: %w", err)
}
