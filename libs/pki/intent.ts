export type CertificateKind = 'root_ca' | 'services_ca' | 'tenant_ca' | 'leaf' | 'leaf_listener' | 'collector' | 'agent' | 'service';

/** The bits that are used here (RFC 5280, section 4.2.1.3), by the names that it gives them. */
export type KeyUsage = 'digitalSignature' | 'keyCertSign' | 'cRLSign';

/** RFC 5280, section 4.2.1.12. */
export type ExtendedKeyUsage = 'clientAuth' | 'serverAuth';

/**
 * All that a certificate is going to say, checked against its profile: what goes on record before anything is signed, and what the
 * signed certificate is held against. Plain data, frozen. Times are whole seconds.
 */
export type CertificateIntent = {
  readonly kind: CertificateKind;
  /** 16 octets as 32 lower-case hexadecimal digits, between 40… and 7f…: positive, and never shorter in DER. */
  readonly serialNumber: string;
  readonly organization: string;
  /** Undefined when it would exceed 64 characters: it is left out, never cut. */
  readonly commonName: string | undefined;
  readonly spiffeId: string | undefined;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isCa: boolean;
  /** How many CAs may follow below; undefined for no bound, and for what is no CA. */
  readonly pathLength: number | undefined;
  readonly keyUsage: readonly KeyUsage[];
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[];
  /** The hosts that URIs below this CA may have (RFC 5280, section 4.2.1.10). */
  readonly nameConstraints: { readonly permittedUriHosts: readonly string[] } | undefined;
  /** Where the issuer's CRL is fetched (RFC 5280, section 4.2.1.13). */
  readonly crlUrl: string | undefined;
};
