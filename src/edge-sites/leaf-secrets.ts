import type { Secret } from '#libs/kernel';
import type { NatsLeafServer } from '#libs/model';
import type { KeyRing, OpenedStream } from '../platform/encryption/index.js';

/** What only the site itself may see. */
export interface LeafSecrets {
  leafKeyPem: Secret;
  serverKeyPem: Secret;
  creds: Secret;
  controlCreds: Secret;
}

type Ciphertexts = Pick<NatsLeafServer, 'leafKeyPemCiphertext' | 'serverKeyPemCiphertext' | 'credsCiphertext' | 'controlCredsCiphertext'>;

const at = (rowId: string, column: string) => ({ table: 'nats_leaf_servers', column, rowId });

export const sealLeafSecrets = (keyRing: KeyRing, leafId: string, secrets: LeafSecrets) => ({
  leafKeyPemCiphertext: keyRing.seal(secrets.leafKeyPem, at(leafId, 'leaf_key_pem')),
  serverKeyPemCiphertext: keyRing.seal(secrets.serverKeyPem, at(leafId, 'server_key_pem')),
  credsCiphertext: keyRing.seal(secrets.creds, at(leafId, 'creds')),
  controlCredsCiphertext: keyRing.seal(secrets.controlCreds, at(leafId, 'control_creds')),
});

export const openLeafSecrets = (keyRing: KeyRing, leaf: Ciphertexts & { id: string }): LeafSecrets => ({
  leafKeyPem: keyRing.open(leaf.leafKeyPemCiphertext ?? '', at(leaf.id, 'leaf_key_pem')),
  serverKeyPem: keyRing.open(leaf.serverKeyPemCiphertext ?? '', at(leaf.id, 'server_key_pem')),
  creds: keyRing.open(leaf.credsCiphertext ?? '', at(leaf.id, 'creds')),
  controlCreds: keyRing.open(leaf.controlCredsCiphertext ?? '', at(leaf.id, 'control_creds')),
});

/** @param archive the tar.gz, as it is packed */
export const sealLeafBundle = (keyRing: KeyRing, leafId: string, archive: AsyncIterable<Buffer>): Promise<Buffer> =>
  keyRing.sealStream(archive, at(leafId, 'bundle'));

/** The tar.gz. */
export const openLeafBundle = (keyRing: KeyRing, leafId: string, bundleCiphertext: Buffer): OpenedStream =>
  keyRing.openStream(bundleCiphertext, at(leafId, 'bundle'));
