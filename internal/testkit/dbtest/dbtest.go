// Package dbtest gives every test a PostgreSQL database of its own, cloned from
// a template that is migrated once. Tests work as the application's role, which
// owns nothing and has the grants that docs/operations.md names.
package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/devstack"
	"github.com/presswork/presswork/internal/testkit"
	"github.com/presswork/presswork/migrations"
)

// The roles. Neither is a superuser.
const (
	// Role is the application's: it reads and writes, and owns nothing.
	Role = "presswork"
	// ownerRole migrates, and owns every test database and what is in it.
	ownerRole = "presswork_owner"
)

// patience bounds the making and dropping of a database.
const patience = time.Minute

// Main is the TestMain of a package whose tests use PostgreSQL, Redis or both.
// See testkit.Main.
func Main(m *testing.M, exceptions ...goleak.Option) {
	testkit.Main(m, devstack.Options{Postgres: true, Redis: true}, exceptions...)
}

// New makes a database with all migrations applied and returns its URL. It is
// dropped when the test ends, whoever is still connected.
func New(t testing.TB) string {
	t.Helper()
	return clone(t, migrations.FS)
}

// NewEmpty makes a database with nothing in it, for tests of migrations, and
// returns its owner's URL. It is dropped when the test ends.
func NewEmpty(t testing.TB) string {
	t.Helper()
	return create(t, ownerRole, func(ctx context.Context, admin *pgx.Conn) (string, error) {
		return "template1", withLock(ctx, admin, func() error { return ensureRoles(ctx, admin) })
	})
}

// Owner is the URL by which the role that migrates reaches a database made by New.
func Owner(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("read the database's URL: %v", err)
	}
	owner, err := databaseURL(address, ownerRole, strings.TrimPrefix(u.Path, "/"))
	if err != nil {
		t.Fatalf("read the database's URL: %v", err)
	}
	return owner
}

// Pool is a pool of connections to a database made by New. It is closed when the
// test ends. It has at most 8 connections: many tests share one server.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return Connect(t, New(t))
}

// Connect is a pool of at most 8 connections to url, closed when the test ends.
func Connect(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatalf("read the database's URL: %v", err)
	}
	config.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatalf("connect to the database: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Admin is a superuser's connection to the maintenance database of the server
// that the tests use, closed when the test ends.
func Admin(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), testkit.URL(t, testkit.DatabaseVariable))
	if err != nil {
		t.Fatalf("connect as superuser: %v", err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Errorf("close the superuser's connection: %v", err)
		}
	})
	return conn
}

func clone(t testing.TB, steps fs.FS) string {
	t.Helper()
	return create(t, Role, func(ctx context.Context, admin *pgx.Conn) (string, error) {
		return ensureTemplate(ctx, admin, steps)
	})
}

// create clones a database from the template that from names, and returns the URL of a role.
func create(t testing.TB, role string, from func(context.Context, *pgx.Conn) (string, error)) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	err := asAdmin(t, func(ctx context.Context, admin *pgx.Conn) error {
		template, err := from(ctx, admin)
		if err != nil {
			return err
		}
		// Copying files beats copying through the log when fsync is off.
		_, err = admin.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE %s STRATEGY FILE_COPY", name, ownerRole, template))
		return err
	})
	if err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	t.Cleanup(func() { drop(t, name) })
	address, err := databaseURL(testkit.URL(t, testkit.DatabaseVariable), role, name)
	if err != nil {
		t.Fatalf("read the server's URL: %v", err)
	}
	return address
}

func drop(t testing.TB, name string) {
	t.Helper()
	err := asAdmin(t, func(ctx context.Context, admin *pgx.Conn) error {
		_, err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		return err
	})
	if err != nil {
		t.Errorf("drop the test database: %v", err)
	}
}

// asAdmin calls do with a superuser's connection. It does not use the test's
// context, which is over when cleaning up.
func asAdmin(t testing.TB, do func(context.Context, *pgx.Conn) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, testkit.URL(t, testkit.DatabaseVariable))
	if err != nil {
		return fmt.Errorf("connect as superuser: %w", err)
	}
	return errors.Join(do(ctx, conn), conn.Close(ctx))
}

// databaseURL is where a role finds a database on the server at admin. The role
// has the superuser's password, if there is one.
func databaseURL(admin, role, name string) (string, error) {
	u, err := url.Parse(admin)
	if err != nil {
		return "", err
	}
	if password, ok := u.User.Password(); ok {
		u.User = url.UserPassword(role, password)
	} else {
		u.User = url.User(role)
	}
	u.Path = "/" + name
	return u.String(), nil
}
