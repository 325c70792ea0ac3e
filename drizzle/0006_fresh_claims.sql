DROP INDEX "records_pending";--> statement-breakpoint
DROP INDEX "records_dead_letters";--> statement-breakpoint
DROP INDEX "records_failed";--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "claimed_to" integer DEFAULT -1 NOT NULL;--> statement-breakpoint
ALTER TABLE "batch_jobs" ADD COLUMN "claimed_under" bigint;--> statement-breakpoint
ALTER TABLE "records" ADD COLUMN "claimed_after" integer;--> statement-breakpoint
CREATE INDEX "records_waiting" ON "records" USING btree ("job_id","not_before","idx") WHERE not_before > '-infinity' and not held;--> statement-breakpoint
CREATE INDEX "records_dead_letters" ON "records" USING btree ("job_id","idx") WHERE dead_letter;--> statement-breakpoint
CREATE INDEX "records_failed" ON "records" USING btree ("job_id","idx") WHERE group_id is not null;--> statement-breakpoint
-- Room for the new version of each row beside the old one, so that settling it touches no index.
ALTER TABLE "records" SET (fillfactor = 45);
