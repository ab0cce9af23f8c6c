import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Question {
  /** CA certificates that are trusted, as PEM. */
  trusted: string;
  certificate: string;
  /** A revocation list of the certificate's issuer, as DER, that is to be consulted. */
  crl?: Buffer;
}

/** What `openssl verify -x509_strict` says of a certificate: `OK`, or the reason for which it refuses it. */
export async function opensslVerify({ trusted, certificate, crl }: Question): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'openssl-'));
  try {
    await writeFile(join(directory, 'ca.pem'), trusted);
    await writeFile(join(directory, 'certificate.pem'), certificate);
    if (crl !== undefined) await writeFile(join(directory, 'crl.pem'), crlPem(crl));
    const crlOptions = crl === undefined ? [] : ['-crl_check', '-CRLfile', 'crl.pem'];
    const output = await run(directory, ['verify', '-x509_strict', '-CAfile', 'ca.pem', ...crlOptions, 'certificate.pem']);
    return /^error \d+ at \d+ depth lookup: (.*)$/m.exec(output)?.[1] ?? (/: (OK)$/m.exec(output)?.[1] || output);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** What `openssl crl` reads in a list, as text. */
export async function opensslCrlText(crl: Buffer): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'openssl-'));
  try {
    await writeFile(join(directory, 'crl.der'), crl);
    return await run(directory, ['crl', '-inform', 'DER', '-in', 'crl.der', '-noout', '-text']);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const run = (cwd: string, args: string[]) =>
  new Promise<string>((resolve) => execFile('openssl', args, { cwd }, (_error, stdout, stderr) => resolve(stdout + stderr)));

const crlPem = (der: Buffer) =>
  ['-----BEGIN X509 CRL-----', ...(der.toString('base64').match(/.{1,64}/g) ?? []), '-----END X509 CRL-----', ''].join('\n');
