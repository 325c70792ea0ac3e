CREATE TABLE "job_state" (
	"job_id" uuid NOT NULL,
	"idx" integer NOT NULL,
	"key" text NOT NULL,
	"value" json NOT NULL,
	"token" bigint NOT NULL,
	"write" bigint NOT NULL,
	CONSTRAINT "job_state_job_id_idx_key_pk" PRIMARY KEY("job_id","idx","key")
);
--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "params" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "chunk_size" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "has_end" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "ending_wave" integer;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "ending_failure" jsonb;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "ending_result" json;--> statement-breakpoint
ALTER TABLE "flow_revisions" ADD COLUMN "kind" text DEFAULT 'yaml' NOT NULL;--> statement-breakpoint
ALTER TABLE "records" ADD COLUMN "progress" json;--> statement-breakpoint
ALTER TABLE "records" ADD COLUMN "progress_save" integer;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD CONSTRAINT "end_part_has_run" CHECK (finished_at is null or not has_end or ending_wave is not distinct from wave);