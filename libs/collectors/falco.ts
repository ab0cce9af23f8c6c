import { stringify } from 'yaml';
import { type CollectorDefinition, HOST_PATHS } from './definition.js';

/** The Kubernetes secret that `deploy.sh` makes of the package's certificates and credentials. */
export const FALCOSIDEKICK_SECRET = 'serviceradar-falcosidekick';

/** Group-readable: the pod's group owns the files (`fsGroup`). */
const FILE_MODE = 0o440;

const PRIORITIES = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'informational', 'debug'];

/**
 * falcosidekick in Kubernetes: values of its Helm chart (github.com/falcosecurity/charts, charts/falcosidekick/values.yaml). Credentials
 * are named by an environment variable, which overrides the file and is there whatever values the chart knows.
 */
export const falcosidekick: CollectorDefinition = {
  port: 2801,
  protocol: 'tcp',
  subjects: ['falco.>'],
  configFile: 'falcosidekick.yaml',
  service: null,
  settings: {
    minimum_priority: { kind: 'choice', of: PRIORITIES, value: 'debug' },
    replicas: { kind: 'integer', min: 1, max: 20, value: 2 },
    debug: { kind: 'flag', value: false },
    image_tag: { kind: 'image_tag' },
  },
  render: ({ natsUrl, tenantSlug, siteSlug, hostname }, values) =>
    stringify(
      {
        replicaCount: values.replicas,
        ...(values.image_tag !== undefined && { image: { tag: values.image_tag } }),
        podAnnotations: {
          'serviceradar.io/tenant': tenantSlug,
          ...(siteSlug !== null && { 'serviceradar.io/edge-site': siteSlug }),
          'serviceradar.io/host': hostname,
        },
        config: {
          debug: values.debug,
          tlsclient: { cacertfile: HOST_PATHS.caChain },
          mutualtlsclient: { certfile: HOST_PATHS.cert, keyfile: HOST_PATHS.key, cacertfile: HOST_PATHS.caChain },
          nats: {
            hostport: natsUrl,
            subjecttemplate: 'falco.<priority>.<rule>',
            minimumpriority: values.minimum_priority,
            mutualtls: true,
            checkcert: true,
          },
          extraEnv: [{ name: 'NATS_CREDSFILE', value: HOST_PATHS.creds }],
        },
        podSecurityContext: { runAsUser: 1234, fsGroup: 1234 },
        extraVolumes: [volume('certs', ['collector.pem', 'collector-key.pem', 'ca-chain.pem']), volume('creds', ['nats.creds'])],
        extraVolumeMounts: ['certs', 'creds'].map((name) => ({ name: volumeName(name), mountPath: `${HOST_PATHS.etc}/${name}`, readOnly: true })),
      },
      // Long texts stay on one line, and what looks like something else stays a string for YAML 1.1, which Helm reads.
      { lineWidth: 0, version: '1.1', defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' },
    ),
};

const volumeName = (name: string): string => `serviceradar-${name}`;

const volume = (name: string, keys: readonly string[]) => ({
  name: volumeName(name),
  secret: { secretName: FALCOSIDEKICK_SECRET, defaultMode: FILE_MODE, items: keys.map((key) => ({ key, path: key })) },
});
