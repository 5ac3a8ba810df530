package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
)

// RegistryManifest is one manifest in one repository. Body is kept to the byte: its hash is the digest.
type RegistryManifest struct {
	ProjectID    string
	Repository   string // '' is the project's own
	Digest       string
	MediaType    string
	ArtifactType string // '' if it has none
	Subject      string // digest of the manifest that it is about, or ''
	Annotations  string // JSON object, or ''
	Size         int64  // bytes
	Body         []byte
	Created      time.Time
}

// PutRegistryManifest stores m and what it names. Putting it again changes nothing but its media type.
func (tx *Tx) PutRegistryManifest(ctx context.Context, m RegistryManifest, references []string) error {
	var id int64
	err := tx.q.QueryRowContext(ctx, `
		insert into registry_manifest (project_id, repository, digest, media_type, artifact_type, subject, annotations, size, body, created)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (project_id, repository, digest) do update set media_type = excluded.media_type
		returning id`,
		m.ProjectID, m.Repository, m.Digest, m.MediaType, m.ArtifactType, textOrNull(m.Subject), textOrNull(m.Annotations),
		len(m.Body), m.Body, micros(tx.now)).Scan(&id)
	if err != nil {
		return fmt.Errorf("put manifest %s: %w", m.Digest, err)
	}
	for _, digest := range references {
		_, err := tx.q.ExecContext(ctx, `
			insert into registry_reference (manifest_id, project_id, digest) values ($1, $2, $3)
			on conflict (manifest_id, digest) do nothing`, id, m.ProjectID, digest)
		if err != nil {
			return fmt.Errorf("put reference of manifest %s: %w", m.Digest, err)
		}
	}
	return nil
}

// RegistryManifest returns a manifest by its digest, or a missing fault.
func (tx *Tx) RegistryManifest(ctx context.Context, projectID, repository, digest string) (RegistryManifest, error) {
	m := RegistryManifest{ProjectID: projectID, Repository: repository, Digest: digest}
	var subject, annotations sql.NullString
	var created int64
	err := tx.q.QueryRowContext(ctx, `
		select media_type, artifact_type, subject, annotations, size, body, created from registry_manifest
		where project_id = $1 and repository = $2 and digest = $3`, projectID, repository, digest).
		Scan(&m.MediaType, &m.ArtifactType, &subject, &annotations, &m.Size, &m.Body, &created)
	m.Subject, m.Annotations, m.Created = subject.String, annotations.String, timeOf(created)
	return m, oneRow(err, "manifest", digest)
}

// HasRegistryManifest reports whether a repository has a manifest of that digest.
func (tx *Tx) HasRegistryManifest(ctx context.Context, projectID, repository, digest string) (bool, error) {
	var has bool
	err := tx.q.QueryRowContext(ctx, `
		select exists (select 1 from registry_manifest where project_id = $1 and repository = $2 and digest = $3)`,
		projectID, repository, digest).Scan(&has)
	return has, err
}

// HasRegistryRepository reports whether a repository has any manifest.
func (tx *Tx) HasRegistryRepository(ctx context.Context, projectID, repository string) (bool, error) {
	var has bool
	err := tx.q.QueryRowContext(ctx, `
		select exists (select 1 from registry_manifest where project_id = $1 and repository = $2)`,
		projectID, repository).Scan(&has)
	return has, err
}

// DeleteRegistryManifest removes a manifest with its tags and references; one that is not there is a missing fault.
func (tx *Tx) DeleteRegistryManifest(ctx context.Context, projectID, repository, digest string) error {
	res, err := tx.q.ExecContext(ctx, `
		delete from registry_manifest where project_id = $1 and repository = $2 and digest = $3`, projectID, repository, digest)
	return exactlyOne(res, err, "manifest", digest)
}

// RegistryReferrers returns at most limit manifests about subject with a digest after last, by digest, without their bodies.
// An empty artifactType is all.
func (tx *Tx) RegistryReferrers(ctx context.Context, p RegistryReferrersParams) ([]RegistryManifest, error) {
	rows, err := tx.q.QueryContext(ctx, `
		select digest, media_type, artifact_type, annotations, size, created from registry_manifest
		where project_id = $1 and repository = $2 and subject = $3 and ($4 = '' or artifact_type = $4) and digest > $5
		order by digest limit $6`, p.ProjectID, p.Repository, p.Subject, p.ArtifactType, p.Last, p.Limit)
	return collect(rows, err, func(rows *sql.Rows) (RegistryManifest, error) {
		m := RegistryManifest{ProjectID: p.ProjectID, Repository: p.Repository, Subject: p.Subject}
		var annotations sql.NullString
		var created int64
		err := rows.Scan(&m.Digest, &m.MediaType, &m.ArtifactType, &annotations, &m.Size, &created)
		m.Annotations, m.Created = annotations.String, timeOf(created)
		return m, err
	})
}

// RegistryReferrersParams says which referrers are wanted.
type RegistryReferrersParams struct {
	ProjectID, Repository, Subject string
	ArtifactType                   string // '' is any
	Last                           string // digest to go on after, or ''
	Limit                          int
}

// RegistryTag returns the digest that a tag points to, or a missing fault.
func (tx *Tx) RegistryTag(ctx context.Context, projectID, repository, tag string) (string, error) {
	var digest string
	err := tx.q.QueryRowContext(ctx, `
		select digest from registry_tag where project_id = $1 and repository = $2 and tag = $3`,
		projectID, repository, tag).Scan(&digest)
	return digest, oneRow(err, "tag", tag)
}

// SetRegistryTag points a tag to a manifest of the same repository.
func (tx *Tx) SetRegistryTag(ctx context.Context, projectID, repository, tag, digest string) error {
	_, err := tx.q.ExecContext(ctx, `
		insert into registry_tag (project_id, repository, tag, digest, modified) values ($1, $2, $3, $4, $5)
		on conflict (project_id, repository, tag) do update set digest = excluded.digest, modified = excluded.modified`,
		projectID, repository, tag, digest, micros(tx.now))
	if isReferenced(err) {
		return fault.Missingf("manifest %q does not exist", digest)
	}
	if err != nil {
		return fmt.Errorf("set tag %s: %w", tag, err)
	}
	return nil
}

// DeleteRegistryTag removes a tag and leaves the manifest; one that is not there is a missing fault.
func (tx *Tx) DeleteRegistryTag(ctx context.Context, projectID, repository, tag string) error {
	res, err := tx.q.ExecContext(ctx, `
		delete from registry_tag where project_id = $1 and repository = $2 and tag = $3`, projectID, repository, tag)
	return exactlyOne(res, err, "tag", tag)
}

// RegistryTags returns at most limit tags after last, in the order of letters without regard to case, as the OCI specification wants.
// last need not be a tag that exists; ” begins at the beginning.
func (tx *Tx) RegistryTags(ctx context.Context, projectID, repository, last string, limit int) ([]string, error) {
	rows, err := tx.q.QueryContext(ctx, `
		select tag from registry_tag
		where project_id = $1 and repository = $2 and (lower(tag), tag) > (lower($3), $3)
		order by lower(tag), tag limit $4`, projectID, repository, last, limit)
	return collect(rows, err, scanText)
}

// PutRegistryBlob lets a project see a blob. Doing it again renews its age.
func (tx *Tx) PutRegistryBlob(ctx context.Context, projectID, digest string, sizeBytes int64) error {
	_, err := tx.q.ExecContext(ctx, `
		insert into registry_blob (project_id, digest, size, created) values ($1, $2, $3, $4)
		on conflict (project_id, digest) do update set created = excluded.created`,
		projectID, digest, sizeBytes, micros(tx.now))
	if err != nil {
		return fmt.Errorf("put blob %s: %w", digest, err)
	}
	return nil
}

// RegistryBlob returns the size in bytes of a blob that a project may see, or a missing fault.
func (tx *Tx) RegistryBlob(ctx context.Context, projectID, digest string) (int64, error) {
	var size int64
	err := tx.q.QueryRowContext(ctx, `
		select size from registry_blob where project_id = $1 and digest = $2`, projectID, digest).Scan(&size)
	return size, oneRow(err, "blob", digest)
}

// DeleteRegistryBlob takes a blob out of a project's sight; one that it does not see is a missing fault.
func (tx *Tx) DeleteRegistryBlob(ctx context.Context, projectID, digest string) error {
	res, err := tx.q.ExecContext(ctx, `
		delete from registry_blob where project_id = $1 and digest = $2`, projectID, digest)
	return exactlyOne(res, err, "blob", digest)
}

// ForgetUnusedRegistryBlobs takes at most limit blobs, put before before and named by no manifest of their project, out of sight. It
// returns how many.
func (tx *Tx) ForgetUnusedRegistryBlobs(ctx context.Context, before time.Time, limit int) (int64, error) {
	res, err := tx.q.ExecContext(ctx, `
		delete from registry_blob where (project_id, digest) in (
			select b.project_id, b.digest from registry_blob b
			where b.created < $1 and not exists (
				select 1 from registry_reference r where r.project_id = b.project_id and r.digest = b.digest)
			order by b.project_id, b.digest limit $2)`, micros(before), limit)
	if err != nil {
		return 0, fmt.Errorf("forget unused blobs: %w", err)
	}
	return res.RowsAffected()
}

// BlobRoots returns at most limit digests after last, in order, each once, that a row names: the registry's blobs, the outputs of jobs
// and the inputs of reports. What is in the blob store and not here is garbage.
func (tx *Tx) BlobRoots(ctx context.Context, last string, limit int) ([]string, error) {
	rows, err := tx.q.QueryContext(ctx, `
		select digest from registry_blob where digest > $1
		union select digest from job_output where digest > $1
		union select digest from report_input where digest > $1
		order by digest limit $2`, last, limit)
	return collect(rows, err, scanText)
}

// InsertRegistryUpload records which repository an upload session belongs to.
func (tx *Tx) InsertRegistryUpload(ctx context.Context, id, projectID, repository string) error {
	_, err := tx.q.ExecContext(ctx, `
		insert into registry_upload (id, project_id, repository, created) values ($1, $2, $3, $4)`,
		id, projectID, repository, micros(tx.now))
	if err != nil {
		return fmt.Errorf("insert upload: %w", err)
	}
	return nil
}

// CountRegistryUploads returns how many sessions a project has open.
func (tx *Tx) CountRegistryUploads(ctx context.Context, projectID string) (int, error) {
	var n int
	err := tx.q.QueryRowContext(ctx, `select count(*) from registry_upload where project_id = $1`, projectID).Scan(&n)
	return n, err
}

// CheckRegistryUpload returns a missing fault unless the session belongs to the repository.
func (tx *Tx) CheckRegistryUpload(ctx context.Context, id, projectID, repository string) error {
	var one int
	err := tx.q.QueryRowContext(ctx, `
		select 1 from registry_upload where id = $1 and project_id = $2 and repository = $3`, id, projectID, repository).Scan(&one)
	return oneRow(err, "upload", id)
}

// DeleteRegistryUpload forgets a session; one that is not there is no error.
func (tx *Tx) DeleteRegistryUpload(ctx context.Context, id string) error {
	_, err := tx.q.ExecContext(ctx, `delete from registry_upload where id = $1`, id)
	return err
}

// RegistryUploadsBefore returns the ids of at most limit sessions after last, by id, that were begun before before.
func (tx *Tx) RegistryUploadsBefore(ctx context.Context, before time.Time, last string, limit int) ([]string, error) {
	rows, err := tx.q.QueryContext(ctx, `
		select id from registry_upload where created < $1 and id > $2 order by id limit $3`, micros(before), last, limit)
	return collect(rows, err, scanText)
}

func scanText(rows *sql.Rows) (string, error) {
	var s string
	err := rows.Scan(&s)
	return s, err
}

// textOrNull is s, and null if s is empty.
func textOrNull(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// ---- tokens

// RegistryToken is one scope of a registry token. Only the hash of the token is kept.
type RegistryToken struct {
	Hash       string
	ProjectID  string // '' is a token without scope: it proves who logs in and opens nothing
	Repository string // '*' is every repository of the project
	Actions    string // comma-separated: pull,push,delete
	JobID      string // if set, the token holds only while this job is claimed or running in Epoch
	Epoch      int64
	KeyHash    string // of the key that it was traded from, or ''; whether that still stands is for the caller to ask
	Expires    time.Time
}

// InsertRegistryToken stores one scope.
func (tx *Tx) InsertRegistryToken(ctx context.Context, t RegistryToken) error {
	epoch := sql.NullInt64{Int64: t.Epoch, Valid: t.JobID != ""}
	_, err := tx.q.ExecContext(ctx, `
		insert into registry_token (hash, project_id, repository, actions, job_id, epoch, key_hash, expires)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.Hash, textOrNull(t.ProjectID), t.Repository, t.Actions, textOrNull(t.JobID), epoch, textOrNull(t.KeyHash), micros(t.Expires))
	if isReferenced(err) {
		return fault.Wrap(fault.Missing, err, "registry token: its project or its job does not exist")
	}
	if err != nil {
		return fmt.Errorf("insert registry token: %w", err)
	}
	return nil
}

// RegistryScope is a scope of a token that holds now.
type RegistryScope struct {
	ProjectID   string // '' for a token without scope
	ProjectSlug string
	Repository  string
	Actions     string
	KeyHash     string // of the key that the token was traded from; '' for one of a job
	Expires     time.Time
}

// RegistryScopes returns the scopes of the token with that hash that hold at tx.Now: not expired, the project not deleted and, if bound
// to a job, that job claimed or running in the token's epoch. None is an empty list.
func (tx *Tx) RegistryScopes(ctx context.Context, hash string) ([]RegistryScope, error) {
	rows, err := tx.q.QueryContext(ctx, `
		select coalesce(t.project_id, ''), coalesce(p.slug, ''), t.repository, t.actions, coalesce(t.key_hash, ''), t.expires
		from registry_token t left join project p on p.id = t.project_id
		where t.hash = $1 and t.expires > $2
			and (t.project_id is null or (p.id is not null and p.deleted is null))
			and (t.job_id is null or exists (
				select 1 from job j where j.id = t.job_id and j.epoch = t.epoch and j.state in ('claimed', 'running')))
		order by t.project_id, t.repository limit 100`, hash, micros(tx.now))
	return collect(rows, err, func(rows *sql.Rows) (RegistryScope, error) {
		var s RegistryScope
		var expires int64
		err := rows.Scan(&s.ProjectID, &s.ProjectSlug, &s.Repository, &s.Actions, &s.KeyHash, &expires)
		s.Expires = timeOf(expires)
		return s, err
	})
}

// DeleteExpiredRegistryTokens removes what no longer opens anything.
func (tx *Tx) DeleteExpiredRegistryTokens(ctx context.Context) error {
	_, err := tx.q.ExecContext(ctx, `delete from registry_token where expires <= $1`, micros(tx.now))
	return err
}
