CREATE TYPE "public"."duplicate_action" AS ENUM('allow', 'skip', 'fail');--> statement-breakpoint
CREATE TYPE "public"."limit_action" AS ENUM('fail', 'pause');--> statement-breakpoint
CREATE TYPE "public"."pause_kind" AS ENUM('caller', 'limit', 'circuit', 'ramp', 'approval');--> statement-breakpoint
CREATE TYPE "public"."set_aside_reason" AS ENUM('unchanged', 'duplicate');--> statement-breakpoint
ALTER TYPE "public"."stop_reason" ADD VALUE 'max_failure_rate';--> statement-breakpoint
CREATE TABLE "connector_uses" (
	"connector" text NOT NULL,
	"holder" text NOT NULL,
	"until" timestamp with time zone NOT NULL,
	CONSTRAINT "connector_uses_connector_holder_pk" PRIMARY KEY("connector","holder")
);
--> statement-breakpoint
CREATE TABLE "deliveries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"job_id" uuid NOT NULL,
	"connector" text NOT NULL,
	"event" text NOT NULL,
	"payload" json NOT NULL,
	"attempts" smallint DEFAULT 0 NOT NULL,
	"due_at" timestamp with time zone DEFAULT now(),
	"claim" uuid,
	"last_error" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp with time zone,
	"given_up_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "job_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "job_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"job_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"message" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "last_successes" (
	"flow_name" text NOT NULL,
	"record_id" text NOT NULL,
	"digest" text NOT NULL,
	"job_id" uuid NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "last_successes_flow_name_record_id_pk" PRIMARY KEY("flow_name","record_id")
);
--> statement-breakpoint
CREATE TABLE "payload_versions" (
	"job_id" uuid NOT NULL,
	"idx" integer NOT NULL,
	"revision" smallint NOT NULL,
	"payload" json,
	"replaced_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "payload_versions_job_id_idx_revision_pk" PRIMARY KEY("job_id","idx","revision")
);
--> statement-breakpoint
CREATE TABLE "record_ids" (
	"job_id" uuid NOT NULL,
	"record_id" text NOT NULL,
	"idx" integer NOT NULL,
	CONSTRAINT "record_ids_job_id_record_id_pk" PRIMARY KEY("job_id","record_id")
);
--> statement-breakpoint
CREATE TABLE "staged_patches" (
	"retry_id" uuid NOT NULL,
	"idx" integer NOT NULL,
	"payload" json,
	"staged_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "staged_patches_retry_id_idx_pk" PRIMARY KEY("retry_id","idx")
);
--> statement-breakpoint
DROP INDEX "records_pending";--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "max_failure_rate" double precision;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "failure_window" integer DEFAULT 100 NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "on_limit" "limit_action" DEFAULT 'fail' NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "failures_forgiven" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "callback" text;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "rate" text;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "ramp" jsonb;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "ramp_stage" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "order_by" text;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "duplicates" "duplicate_action" DEFAULT 'allow' NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "skip_unchanged" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "set_aside" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "new_records" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "changed_records" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "pause_kind" "pause_kind";--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "pause_message" text;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "paused_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "probe_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "probes" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "cancel_now" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "throttle" jsonb;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "plan_digest" text;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "approved_by" text;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "undo_of" uuid;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "purged_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "records" ADD COLUMN "order_key" text;--> statement-breakpoint
ALTER TABLE "records" ADD COLUMN "held" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "records" ADD COLUMN "set_aside" "set_aside_reason";--> statement-breakpoint
ALTER TABLE "records" ADD COLUMN "dead_letter" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "deliveries_due" ON "deliveries" USING btree ("due_at") WHERE due_at is not null;--> statement-breakpoint
CREATE INDEX "deliveries_job" ON "deliveries" USING btree ("job_id","created_at");--> statement-breakpoint
CREATE INDEX "job_events_job" ON "job_events" USING btree ("job_id","id");--> statement-breakpoint
CREATE INDEX "job_events_newest" ON "job_events" USING btree ("at" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "failed_attempts_newest" ON "failed_attempts" USING btree ("failed_at" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "records_held" ON "records" USING btree ("job_id","order_key","idx") WHERE held;--> statement-breakpoint
CREATE INDEX "records_dead_letters" ON "records" USING btree ("settled_at" DESC NULLS LAST,"job_id","idx") WHERE dead_letter;--> statement-breakpoint
CREATE INDEX "records_pending" ON "records" USING btree ("job_id","not_before","idx") WHERE status = 'pending' and not held;