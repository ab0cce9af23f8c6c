import { randomBytes } from 'node:crypto';
import { ENROLLMENT_TOKEN_PREFIX } from '../../libs/contracts/index.js';
import { AgentError, sentenceOf } from '../agent-error.js';

/** How long a download may take, in milliseconds. */
const DEADLINE = 60_000;

/**
 * Downloads the onboarding package that a token names. The token says where the API is; whether it is right, the API decides.
 * @throws AgentError without the token in it
 */
export async function downloadPackage(token: string): Promise<Buffer> {
  const url = urlOf(token);
  const headers = { 'x-serviceradar-download-token': token, 'x-serviceradar-download-attempt': randomBytes(16).toString('hex') };
  const answer = await fetch(url, { method: 'POST', headers, signal: AbortSignal.timeout(DEADLINE) }).catch((error: unknown) => {
    const { cause } = error as Error;
    throw new AgentError(`${url.origin} cannot be reached: ${sentenceOf(cause ?? error)}`);
  });
  if (!answer.ok) throw new AgentError(`${url.origin} answered ${answer.status}: ${await problemOf(answer)}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** @throws AgentError */
function urlOf(token: string): URL {
  try {
    const [payload = ''] = token.slice(ENROLLMENT_TOKEN_PREFIX.length).split('.');
    const { u, p } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Record<string, unknown>;
    if (!token.startsWith(ENROLLMENT_TOKEN_PREFIX) || typeof u !== 'string' || typeof p !== 'string') throw new Error('it is another');
    return new URL(`${u}${u.endsWith('/') ? '' : '/'}edge-packages/${encodeURIComponent(p)}/bundle`);
  } catch {
    throw new AgentError(`This is not the token of an onboarding package: it begins with ${ENROLLMENT_TOKEN_PREFIX}. Copy all of it (POST /api/admin/edge-packages/:id/download-tokens).`);
  }
}

const problemOf = async (answer: Response): Promise<string> => {
  const { detail } = (await answer.json().catch(() => ({}))) as { detail?: string };
  return detail ?? 'no reason was given. A token is good for one download: ask for a new one.';
};
