import type { Context } from '@opentelemetry/api';
import type { Job, JobsOptions } from 'bullmq';
import { contextOf, currentTraceparent } from '../tracing/index.js';

/** Options of a job that say in which trace it was asked for, where BullMQ has room for it. */
export type JobCause = Pick<JobsOptions, 'telemetry'>;

/** Of what is running; empty when nobody wants spans. */
export function jobCause(): JobCause {
  const metadata = currentTraceparent();
  return metadata === undefined ? {} : { telemetry: { metadata } };
}

/** The span that a job was asked for in. */
export const causeOf = ({ opts }: Job): Context | undefined => contextOf(opts.telemetry?.metadata);
