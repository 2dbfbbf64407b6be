package secret

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/kubernetes"
)

const schemeVault = "vault"

// vault reads from the key-value engine, version 2, of a HashiCorp Vault.
type vault struct {
	env func(string) string

	mu     sync.Mutex
	client *api.Client
}

// resolve reads a key of a secret.
func (v *vault) resolve(ctx context.Context, text string) (string, error) {
	r, err := parse(schemeVault, text)
	mount, path, _ := strings.Cut(r.path, "/")
	if err != nil || mount == "" || path == "" || r.key == "" {
		return "", fmt.Errorf("%w: vault://MOUNT/PATH#KEY, with ?version= if wanted", errReference)
	}
	number := 0
	if r.version != "" {
		if number, err = strconv.Atoi(r.version); err != nil || number < 1 {
			return "", errors.New("the version of a secret in Vault is a number")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	client, err := v.open(ctx)
	if err != nil {
		return "", err
	}
	var kept *api.KVSecret
	if number > 0 {
		kept, err = client.KVv2(mount).GetVersion(ctx, path, number)
	} else {
		kept, err = client.KVv2(mount).Get(ctx, path)
	}
	switch {
	case errors.Is(err, api.ErrSecretNotFound) || err == nil && kept.Data == nil:
		return "", errors.New("there is no such secret in Vault, or it was deleted")
	case err != nil:
		return "", vaultError(err)
	}
	return field(kept.Data, r.key)
}

// open makes a client that may read: with a token, or with one that it gets for a service account of Kubernetes.
func (v *vault) open(ctx context.Context) (*api.Client, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.client != nil {
		return v.client, nil
	}
	if v.env("VAULT_ADDR") == "" {
		return nil, errors.New("VAULT_ADDR is not set")
	}
	c := api.DefaultConfig() // with the environment's certificates
	if c.Error != nil {
		return nil, fmt.Errorf("read Vault's settings: %w", c.Error)
	}
	c.Address = v.env("VAULT_ADDR")
	c.HttpClient.Timeout, c.Timeout = tryTime, wholeTime
	if transport, ok := c.HttpClient.Transport.(*http.Transport); ok {
		transport.DisableKeepAlives = true // it is asked when a process starts, and not again
	}
	c.MaxRetries, c.MinRetryWait, c.MaxRetryWait = tries-1, 200*time.Millisecond, time.Second
	client, err := api.NewClient(c)
	if err != nil {
		return nil, fmt.Errorf("make a client of Vault: %w", err)
	}
	client.SetNamespace(v.env("VAULT_NAMESPACE"))
	if err := v.authenticate(ctx, client); err != nil {
		return nil, err
	}
	v.client = client
	return client, nil
}

func (v *vault) authenticate(ctx context.Context, client *api.Client) error {
	client.ClearToken()
	if token := v.env("VAULT_TOKEN"); token != "" {
		client.SetToken(token)
		return nil
	}
	if path := v.env("VAULT_TOKEN_FILE"); path != "" {
		token, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			return fmt.Errorf("VAULT_TOKEN_FILE: %w", err)
		}
		client.SetToken(strings.TrimSpace(string(token)))
		return nil
	}
	role := v.env("VAULT_KUBERNETES_ROLE")
	if role == "" {
		return errors.New("VAULT_TOKEN, VAULT_TOKEN_FILE or VAULT_KUBERNETES_ROLE has to be set")
	}
	var options []kubernetes.LoginOption
	if mount := v.env("VAULT_KUBERNETES_MOUNT"); mount != "" {
		options = append(options, kubernetes.WithMountPath(mount))
	}
	if path := v.env("VAULT_KUBERNETES_TOKEN_FILE"); path != "" {
		options = append(options, kubernetes.WithServiceAccountTokenPath(path))
	}
	method, err := kubernetes.NewKubernetesAuth(role, options...)
	if err != nil {
		return fmt.Errorf("prepare Vault's login by Kubernetes: %w", err)
	}
	if _, err := client.Auth().Login(ctx, method); err != nil {
		return fmt.Errorf("log in by Kubernetes: %w", vaultError(err))
	}
	return nil
}

// vaultError keeps what the server said, in one line.
func vaultError(err error) error {
	var said *api.ResponseError
	if !errors.As(err, &said) {
		return fmt.Errorf("ask Vault: %w", err)
	}
	reason := strings.Join(said.Errors, ", ")
	if reason == "" {
		reason = http.StatusText(said.StatusCode)
	}
	return fmt.Errorf("the answer of Vault is %d: %s", said.StatusCode, reason)
}
