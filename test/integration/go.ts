import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PROGRAM = '.cache/go-verify/verify';

interface GoQuestion {
  certificates?: { certificate: string; intermediates: string; root: string; purpose: 'clientAuth' | 'serverAuth'; host: string }[];
  tokens?: string[];
  creds?: string[];
}

interface GoAnswer {
  /** `OK`, or why not. */
  certificates: string[];
  /** Issues are what the library finds wrong or doubtful, warnings included; the claims are encoded again by it. */
  tokens: { error?: string; issues: string[]; claims: unknown }[];
  creds: { error?: string; token: string; user: string }[];
}

/** What Go's crypto/x509 and NATS's own library say, each answer in the order of what was asked (test/go/main.go). */
export function askGo(question: GoQuestion): GoAnswer {
  if (!existsSync(PROGRAM)) throw new Error(`There is no ${PROGRAM}: run "npm test", which builds it.`);
  return JSON.parse(execFileSync(PROGRAM, { input: JSON.stringify(question), encoding: 'utf8' })) as GoAnswer;
}
