import { defineEntity, p } from '@mikro-orm/core';

export type PlatformCaKind = 'root' | 'services';

const schema = defineEntity({
  name: 'PlatformCa',
  tableName: 'platform_cas',
  properties: {
    id: p.uuid().primary(),
    kind: p.string().$type<PlatformCaKind>(),
    serialNumber: p.string(),
    certificatePem: p.text(),
    privateKeyCiphertext: p.text(),
    notAfter: p.datetime(),
    createdAt: p.datetime(),
  },
});

/** The root, and the CA under it that signs the platform's own services (hub, gateway). Seen by the platform only. */
export class PlatformCa extends schema.class {}
schema.setClass(PlatformCa);
