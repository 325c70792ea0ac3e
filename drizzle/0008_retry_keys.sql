CREATE TABLE "retry_keys" (
	"job_id" uuid NOT NULL,
	"key" text NOT NULL,
	"request_digest" text NOT NULL,
	"wave" integer NOT NULL,
	"selected" integer NOT NULL,
	"answer" json NOT NULL,
	CONSTRAINT "retry_keys_job_id_key_pk" PRIMARY KEY("job_id","key")
);
