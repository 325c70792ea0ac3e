import { listJobs } from '../store/jobs.ts';
import type { OperationContext } from './context.ts';
import { getBatchJob } from './find-batch-job.ts';
import { noSuchResource, readFlowUri } from './resources.ts';

/** What a resource is at one moment, for those who want to know when it changes. */
export interface ResourceState {
  /** Another text whenever the resource has changed. */
  readonly version: string;
  /** It changes only when somebody does something, so there is no hurry to look again. */
  readonly isQuiet: boolean;
}

const ofJob = /^batch:\/\/jobs\/([0-9a-z-]{1,40})(?:\/|$)/;

/** @throws SluiceError for an address that leads nowhere. */
export async function resourceState(context: OperationContext, uri: string): Promise<ResourceState> {
  const id = ofJob.exec(uri)?.[1];
  if (id !== undefined) return jobState(context, id);
  const name = readFlowUri(uri);
  if (name === undefined) throw noSuchResource(uri);
  return { version: (await context.flows.find(name)).revision, isQuiet: true };
}

async function jobState(context: OperationContext, reference: string): Promise<ResourceState> {
  const { db } = await context.open();
  const job = await getBatchJob(db, reference);
  const { id, status, counts, wave, intakePosition, obstacle, pauseMessage, endingWave, purgedAt } = job;
  const told = [id, status, counts, wave, intakePosition, obstacle, pauseMessage, endingWave, purgedAt];
  return { version: JSON.stringify(told), isQuiet: job.finishedAt !== null };
}

/** An address with a name, for a list to choose from. */
export interface ResourceEntry {
  readonly uri: string;
  readonly name: string;
  readonly description?: string;
  readonly mimeType: string;
}

const jobsListed = 10;
const flowsListed = 50;

/** The flows, and the newest jobs once the database is open: a list is no reason to start one. */
export async function listResources(context: OperationContext): Promise<ResourceEntry[]> {
  const loaded = await context.flows.loaded();
  const flows = loaded.flatMap(({ flow }) => (flow === undefined ? [] : [flow])).slice(0, flowsListed);
  return [
    ...(await recentJobs(context)),
    ...flows.map(({ name, description }) => ({
      uri: `flow://${encodeURIComponent(name)}`,
      name,
      ...(description === null ? {} : { description: description.slice(0, 200) }),
      mimeType: 'application/yaml',
    })),
  ];
}

async function recentJobs(context: OperationContext): Promise<ResourceEntry[]> {
  if (context.isOpen?.() === false) return [];
  const { db } = await context.open();
  const jobs = await listJobs(db, { limit: jobsListed });
  return jobs.map(({ id, flow, label, status, total }) => ({
    uri: `batch://jobs/${id}`,
    name: `${flow.name}, ${total} records, ${status}`,
    ...(label === null ? {} : { description: label }),
    mimeType: 'application/json',
  }));
}
