import type { CheckType } from '../../libs/contracts/index.js';
import { leafCheck } from '../leaf/leaf-check.js';
import type { Checker } from './checker.js';
import { grpcHealth } from './grpc-health.js';
import { http } from './http.js';
import { icmp } from './icmp.js';
import { processRuns } from './process.js';
import { tcp } from './tcp.js';

export const CHECKERS: Record<CheckType, Checker> = { nats_leaf: leafCheck, tcp, http, icmp, process: processRuns, grpc: grpcHealth };

/** What the agent says it can do. */
export const CAPABILITIES = Object.keys(CHECKERS);

/** The checker of a type; of one that this version does not know, one that says so. */
export function checkerOf(type: string): Checker {
  if (Object.hasOwn(CHECKERS, type)) return CHECKERS[type as CheckType];
  return async () => ({ available: false, details: { error: `This agent knows no checks of the type ${JSON.stringify(type)}, but ${CAPABILITIES.join(', ')}. Install a newer agent.` } });
}
