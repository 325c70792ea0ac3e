CREATE TABLE "access_tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"digest" text NOT NULL,
	"prefix" text NOT NULL,
	"owner" text NOT NULL,
	"flow_name" text,
	"label" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "uploads" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner" text,
	"name" text NOT NULL,
	"file" text NOT NULL,
	"bytes" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
DROP INDEX "batch_jobs_idempotency_key";--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "owner" text;--> statement-breakpoint
CREATE UNIQUE INDEX "access_tokens_digest" ON "access_tokens" USING btree ("digest");--> statement-breakpoint
CREATE UNIQUE INDEX "batch_jobs_owned_key" ON "batch_jobs" USING btree (coalesce(owner, ''),"idempotency_key");