CREATE TYPE "public"."intake_state" AS ENUM('reading', 'done', 'stopped');--> statement-breakpoint
CREATE TYPE "public"."job_status" AS ENUM('pending', 'processing', 'paused', 'completed', 'completed_with_errors', 'failed', 'cancelled');--> statement-breakpoint
CREATE TYPE "public"."record_failure_action" AS ENUM('log', 'dead-letter', 'callback');--> statement-breakpoint
CREATE TYPE "public"."record_status" AS ENUM('pending', 'processing', 'succeeded', 'failed', 'retried_success', 'retried_failed', 'skipped');--> statement-breakpoint
CREATE TYPE "public"."stop_reason" AS ENUM('max_failures', 'first_failure', 'cancelled', 'source_broken');--> statement-breakpoint
CREATE SEQUENCE "public"."lease_tokens" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "batch_jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"flow_id" uuid NOT NULL,
	"flow_name" text NOT NULL,
	"flow_version" integer,
	"flow_revision" text NOT NULL,
	"label" text,
	"status" "job_status" DEFAULT 'pending' NOT NULL,
	"stop_reason" "stop_reason",
	"stop_message" text,
	"source" jsonb NOT NULL,
	"source_digest" text NOT NULL,
	"repeat_guard" text,
	"idempotency_key" text,
	"request_digest" text NOT NULL,
	"id_field" text,
	"continue_on_error" boolean NOT NULL,
	"on_record_failure" "record_failure_action" NOT NULL,
	"max_failures" integer,
	"concurrency" integer NOT NULL,
	"wave_concurrency" integer NOT NULL,
	"intake" "intake_state" DEFAULT 'reading' NOT NULL,
	"intake_position" integer DEFAULT 0 NOT NULL,
	"total" integer DEFAULT 0 NOT NULL,
	"pending" integer DEFAULT 0 NOT NULL,
	"processing" integer DEFAULT 0 NOT NULL,
	"succeeded" integer DEFAULT 0 NOT NULL,
	"failed" integer DEFAULT 0 NOT NULL,
	"retried_success" integer DEFAULT 0 NOT NULL,
	"retried_failed" integer DEFAULT 0 NOT NULL,
	"skipped" integer DEFAULT 0 NOT NULL,
	"wave" integer DEFAULT 0 NOT NULL,
	"wave_failed" integer DEFAULT 0 NOT NULL,
	"wave_tried" integer DEFAULT 0 NOT NULL,
	"wave_started_at" timestamp with time zone,
	"wave_base" integer DEFAULT 0 NOT NULL,
	"maybe_applied" integer DEFAULT 0 NOT NULL,
	"obstacle" text,
	"obstacle_since" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	CONSTRAINT "counts_add_up" CHECK (total = pending + processing + succeeded + failed + retried_success + retried_failed + skipped),
	CONSTRAINT "counts_not_negative" CHECK (least(pending, processing, succeeded, failed, retried_success, retried_failed, skipped, wave_tried) >= 0),
	CONSTRAINT "finished_is_over" CHECK (finished_at is null or (pending = 0 and processing = 0))
);
--> statement-breakpoint
CREATE TABLE "failed_attempts" (
	"job_id" uuid NOT NULL,
	"idx" integer NOT NULL,
	"attempt" integer NOT NULL,
	"wave" smallint NOT NULL,
	"failure" jsonb NOT NULL,
	"group_id" text NOT NULL,
	"failed_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "flow_revisions" (
	"revision" text PRIMARY KEY NOT NULL,
	"flow_name" text NOT NULL,
	"body" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"job_id" uuid NOT NULL,
	"lane" smallint DEFAULT 0 NOT NULL,
	"token" bigint NOT NULL,
	"holder" text NOT NULL,
	"until" timestamp with time zone NOT NULL,
	"claims" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "leases_job_id_lane_pk" PRIMARY KEY("job_id","lane")
);
--> statement-breakpoint
CREATE TABLE "records" (
	"job_id" uuid NOT NULL,
	"idx" integer NOT NULL,
	"record_id" text,
	"status" "record_status" DEFAULT 'pending' NOT NULL,
	"payload" json,
	"revision" smallint DEFAULT 0 NOT NULL,
	"wave" smallint DEFAULT 0 NOT NULL,
	"tries" smallint DEFAULT 0 NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"crashes" smallint DEFAULT 0 NOT NULL,
	"alone" boolean DEFAULT false NOT NULL,
	"lease" bigint,
	"claim" integer,
	"not_before" timestamp with time zone DEFAULT '-infinity' NOT NULL,
	"result" json,
	"failure" jsonb,
	"group_id" text,
	"settled_at" timestamp with time zone,
	CONSTRAINT "records_job_id_idx_pk" PRIMARY KEY("job_id","idx")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "batch_jobs_idempotency_key" ON "batch_jobs" USING btree ("idempotency_key");--> statement-breakpoint
CREATE UNIQUE INDEX "batch_jobs_repeat_guard" ON "batch_jobs" USING btree ("flow_name","repeat_guard");--> statement-breakpoint
CREATE INDEX "batch_jobs_unfinished" ON "batch_jobs" USING btree ("created_at") WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX "batch_jobs_newest" ON "batch_jobs" USING btree ("created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "failed_attempts_record" ON "failed_attempts" USING btree ("job_id","idx","failed_at");--> statement-breakpoint
CREATE INDEX "records_pending" ON "records" USING btree ("job_id","not_before","idx") WHERE status = 'pending';--> statement-breakpoint
CREATE INDEX "records_failed" ON "records" USING btree ("job_id","idx") WHERE status in ('failed', 'retried_failed');