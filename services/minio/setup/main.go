// SPDX-License-Identifier: Apache-2.0

// Minio-setup makes what sluice needs on a MinIO server: buckets, policies, the engine's account and, when one is named,
// an account of somebody who uploads. Everything comes from the environment, and doing it again changes nothing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const usage = `usage: minio-setup
Environment: MINIO_ENDPOINT_URL or MINIO_ENDPOINT, MINIO_ROOT_USER, MINIO_ROOT_PASSWORD,
MINIO_ACCESS_KEY and MINIO_SECRET_KEY (the engine's account),
MINIO_UPLOADER_ACCESS_KEY and MINIO_UPLOADER_SECRET_KEY (may be absent: somebody who uploads),
MINIO_LANDING_BUCKET (landing-zone), MINIO_LAKE_BUCKET (data-lake), MINIO_RAW_BUCKET (raw-vault),
MINIO_WAREHOUSE_BUCKET (warehouse: of Iceberg tables), MINIO_POLICY_PREFIX (sluice), MINIO_REGION (us-east-1), MINIO_SETUP_WAIT (seconds to wait for the server, 60).
`

func main() {
	if len(os.Args) > 1 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := setUp(stopped); err != nil {
		fmt.Fprintln(os.Stderr, "minio-setup:", err)
		os.Exit(1)
	}
}

type account struct{ key, secret, policy string }

type settings struct {
	host, region             string
	secure                   bool
	rootUser, rootPassword   string
	landing, lake, raw       string
	warehouse                string
	enginePolicy, userPolicy string
	accounts                 []account
	wait                     time.Duration
}

func setUp(ctx context.Context) error {
	s, err := read()
	if err != nil {
		return err
	}
	root := credentials.NewStaticV4(s.rootUser, s.rootPassword, "")
	objects, err := minio.New(s.host, &minio.Options{Creds: root, Secure: s.secure, Region: s.region})
	if err != nil {
		return err
	}
	admin, err := madmin.NewWithOptions(s.host, &madmin.Options{Creds: root, Secure: s.secure})
	if err != nil {
		return err
	}
	if err := await(ctx, objects, s); err != nil {
		return err
	}
	if err := makeBuckets(ctx, objects, s); err != nil {
		return err
	}
	return makeAccounts(ctx, admin, s)
}

func read() (*settings, error) {
	s := &settings{
		host:         os.Getenv("MINIO_ENDPOINT"),
		region:       either("MINIO_REGION", "us-east-1"),
		rootUser:     os.Getenv("MINIO_ROOT_USER"),
		rootPassword: os.Getenv("MINIO_ROOT_PASSWORD"),
		landing:      either("MINIO_LANDING_BUCKET", "landing-zone"),
		lake:         either("MINIO_LAKE_BUCKET", "data-lake"),
		raw:          either("MINIO_RAW_BUCKET", "raw-vault"),
		warehouse:    either("MINIO_WAREHOUSE_BUCKET", "warehouse"),
	}
	if err := s.readEndpoint(os.Getenv("MINIO_ENDPOINT_URL")); err != nil {
		return nil, err
	}
	if s.rootUser == "" || s.rootPassword == "" {
		return nil, errors.New("MINIO_ROOT_USER and MINIO_ROOT_PASSWORD are required")
	}
	prefix := either("MINIO_POLICY_PREFIX", "sluice")
	s.enginePolicy, s.userPolicy = prefix+"-engine", prefix+"-user"
	if err := s.addAccount("MINIO_", s.enginePolicy); err != nil {
		return nil, err
	}
	if err := s.addAccount("MINIO_UPLOADER_", s.userPolicy); err != nil {
		return nil, err
	}
	if len(s.accounts) == 0 {
		return nil, errors.New("MINIO_ACCESS_KEY and MINIO_SECRET_KEY are required")
	}
	seconds, err := strconv.Atoi(either("MINIO_SETUP_WAIT", "60"))
	if err != nil || seconds < 0 || seconds > 3600 {
		return nil, errors.New("MINIO_SETUP_WAIT is not a number of seconds up to 3600")
	}
	s.wait = time.Duration(seconds) * time.Second
	return s, nil
}

func either(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

func (s *settings) readEndpoint(text string) error {
	if text != "" {
		address, err := url.Parse(text)
		if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
			return fmt.Errorf("MINIO_ENDPOINT_URL %q is not http://HOST:PORT or https://HOST:PORT", text)
		}
		s.host, s.secure = address.Host, address.Scheme == "https"
	}
	if s.host == "" {
		return errors.New("MINIO_ENDPOINT_URL is required")
	}
	return nil
}

func (s *settings) addAccount(prefix, policy string) error {
	key, secret := os.Getenv(prefix+"ACCESS_KEY"), os.Getenv(prefix+"SECRET_KEY")
	if (key == "") != (secret == "") {
		return fmt.Errorf("%sACCESS_KEY and %sSECRET_KEY belong together: one is missing", prefix, prefix)
	}
	if key == s.rootUser {
		return fmt.Errorf("%sACCESS_KEY is the root user's: sluice needs an account of its own", prefix)
	}
	if key != "" {
		s.accounts = append(s.accounts, account{key, secret, policy})
	}
	return nil
}

// await: until the server answers a request of its root user. What the server refuses is not waited for.
func await(ctx context.Context, objects *minio.Client, s *settings) error {
	limited, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	for {
		_, err := objects.ListBuckets(limited)
		if err == nil {
			return nil
		}
		if refused := minio.ToErrorResponse(err).StatusCode; refused >= 400 && refused < 500 {
			return fmt.Errorf("%s refuses the root user: %w", s.host, err)
		}
		select {
		case <-limited.Done():
			return fmt.Errorf("%s does not answer: %w", s.host, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func makeBuckets(ctx context.Context, objects *minio.Client, s *settings) error {
	for _, name := range []string{s.landing, s.lake, s.raw, s.warehouse} {
		err := objects.MakeBucket(ctx, name, minio.MakeBucketOptions{Region: s.region})
		switch minio.ToErrorResponse(err).Code {
		case "", "BucketAlreadyOwnedByYou", "BucketAlreadyExists":
		default:
			return fmt.Errorf("bucket %s: %w", name, err)
		}
		// What is deleted from the landing zone is meant to be gone; lake and raw vault are never written twice.
		versioning, err := objects.GetBucketVersioning(ctx, name)
		if err != nil {
			return fmt.Errorf("bucket %s: %w", name, err)
		}
		if versioning.Enabled() {
			return fmt.Errorf("bucket %s has versioning, which sluice does without", name)
		}
		fmt.Println("bucket ", name)
	}
	return nil
}

type statement struct {
	Effect   string
	Action   []string
	Resource []string
}

var (
	look  = []string{"s3:ListBucket", "s3:GetBucketLocation"}
	fetch = []string{"s3:GetObject"}
	write = []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
	parts = []string{"s3:ListBucketMultipartUploads"}
)

func allow(actions []string, resources ...string) statement {
	arns := make([]string, len(resources))
	for i, resource := range resources {
		arns[i] = "arn:aws:s3:::" + resource
	}
	return statement{"Allow", actions, arns}
}

func makeAccounts(ctx context.Context, admin *madmin.AdminClient, s *settings) error {
	policies := map[string][]statement{
		s.enginePolicy: {allow([]string{"s3:*"}, s.landing, s.landing+"/*", s.lake, s.lake+"/*", s.raw, s.raw+"/*",
			s.warehouse, s.warehouse+"/*")},
		s.userPolicy: {
			allow(append(look, parts...), s.landing), allow(write, s.landing+"/*"),
			allow(look, s.lake), allow(fetch, s.lake+"/*"),
		},
	}
	for name, statements := range policies {
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
		if err != nil {
			return err
		}
		if err := admin.AddCannedPolicy(ctx, name, text); err != nil {
			return fmt.Errorf("policy %s: %w", name, err)
		}
	}
	for _, a := range s.accounts {
		if err := admin.AddUser(ctx, a.key, a.secret); err != nil {
			return fmt.Errorf("account %s: %w", a.key, err)
		}
		_, err := admin.AttachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{a.policy}, User: a.key})
		if err != nil && !strings.Contains(madmin.ToErrorResponse(err).Code, "PolicyChangeAlreadyApplied") {
			return fmt.Errorf("policy %s for %s: %w", a.policy, a.key, err)
		}
		fmt.Println("account", a.key, a.policy)
	}
	return nil
}
