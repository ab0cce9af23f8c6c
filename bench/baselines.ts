import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { run } from '../lab/child.js';

/** Bytes of a certificate's signed part, about. */
const TO_BE_SIGNED = randomBytes(600);

/** Sites per second on one core if there were nothing but the cryptography: three P-256 key pairs and signatures, one Ed25519. */
export function rawCryptography(seconds: number): number {
  const begin = performance.now();
  let sites = 0;
  for (; performance.now() - begin < seconds * 1000; sites++) {
    for (let n = 0; n < 3; n++) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      sign('sha256', TO_BE_SIGNED, privateKey);
    }
    const { privateKey } = generateKeyPairSync('ed25519');
    sign(null, createHash('sha256').update(TO_BE_SIGNED).digest(), privateKey);
  }
  return (sites * 1000) / (performance.now() - begin);
}

/** What somebody would write in an afternoon: a CA, and for each site a leaf's and a listener's certificate. */
const SHELL_LOOP = `set -eu
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 3650 -subj /O=acme/CN=ca 2>/dev/null
for site in $(seq "$1"); do
  for name in leaf nats-server; do
    printf 'subjectAltName=DNS:%s.%s.acme.serviceradar\\nextendedKeyUsage=clientAuth,serverAuth\\n' $name $site >ext
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name-$site.key -out $name.csr -subj /O=acme/CN=$name.$site 2>/dev/null
    openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -extfile ext -out $name-$site.pem 2>/dev/null
  done
done
`;

/** Sites per second of a shell loop with openssl that makes the same two certificates. */
export async function shellLoop(directory: string, sites: number): Promise<number> {
  const script = join(directory, 'loop.sh');
  writeFileSync(script, SHELL_LOOP);
  const begin = performance.now();
  const { code, output } = await run('sh', [script, String(sites)], { cwd: directory });
  if (code !== 0) throw new Error(`The shell loop failed: ${output}`);
  return (sites * 1000) / (performance.now() - begin);
}
