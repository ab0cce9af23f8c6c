import { composeString, yamlString } from './quote.js';

interface ContainerInput {
  siteName: string;
  siteSlug: string;
  tenantSlug: string;
  generation: number;
  listenPort: number;
  monitorPort: number;
  /** Bytes that JetStream may use on disk. */
  jetstreamMaxFileBytes: number;
}

/** The oldest major version that is supported, with a shell and wget for the probes. */
const IMAGE = 'nats:2-alpine';
/** The user of the container in Kubernetes; the image itself has none. */
const CONTAINER_USER = 1000;

/**
 * The Compose file, as `setup.sh --docker` starts it: files read-only, network of the host, so that the monitoring port is on the
 * loopback interface of the machine and nowhere else.
 */
export function renderComposeFile(input: ContainerInput): string {
  return `# Started by: setup.sh --docker, which sets the variables and checks that the leaf connects.
services:
  nats-leaf:
    image: \${NATS_IMAGE:-${IMAGE}}
    container_name: nats-leaf
    command: ["nats-server", "-c", "/etc/nats/nats-leaf.conf"]
    labels:
      serviceradar.edge-site: ${composeString(input.siteSlug)}
      serviceradar.edge-site.name: ${composeString(input.siteName)}
      serviceradar.tenant: ${composeString(input.tenantSlug)}
      serviceradar.generation: ${composeString(String(input.generation))}
    network_mode: host
    user: \${NATS_USER:-0:0}
    read_only: true
    cap_drop: [ALL]${input.listenPort < 1024 ? '\n    cap_add: [NET_BIND_SERVICE]' : ''}
    security_opt: ["no-new-privileges:true"]
    tmpfs: ["/run/nats:mode=1777", "/tmp"]
    volumes:
      - type: bind
        source: \${NATS_CONFIG_DIR:-/etc/nats}
        target: /etc/nats
        read_only: true
      - type: bind
        source: \${NATS_DATA_DIR:-/var/lib/nats/jetstream}
        target: /var/lib/nats/jetstream
      - type: bind
        source: \${NATS_ACCOUNTS_DIR:-/var/lib/nats/accounts}
        target: /var/lib/nats/accounts
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:${input.monitorPort}/healthz"]
      interval: 10s
      timeout: 5s
    stop_signal: SIGINT
    stop_grace_period: 30s
    restart: unless-stopped
    logging:
      options: { max-size: 10m, max-file: "3" }
`;
}

/**
 * The Kubernetes manifests, by path. The kustomization stands in the top folder, because it may only name files below itself; it makes
 * the Secret from the files of the bundle, so that no key is written twice, and a new generation restarts the pod.
 */
export function renderKubernetesManifests(input: ContainerInput): Record<string, string> {
  const { listenPort } = input;
  const metadata = `metadata:
  name: nats-leaf
  labels:
    app.kubernetes.io/name: nats-leaf
    serviceradar.io/tenant: ${yamlString(input.tenantSlug)}
    serviceradar.io/edge-site: ${yamlString(input.siteSlug)}
  annotations:
    serviceradar.io/edge-site-name: ${yamlString(input.siteName)}
    serviceradar.io/generation: ${yamlString(String(input.generation))}`;
  return {
    'kustomization.yaml': `# kubectl apply --namespace NAMESPACE -k .
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - kubernetes/service.yaml
  - kubernetes/stateful-set.yaml
secretGenerator:
  - name: nats-leaf
    files:
      - nats/nats-leaf.conf
${CERTIFICATE_FILES.map((name) => `      - nats/certs/${name}`).join('\n')}
${CREDS_FILES.map((name) => `      - creds/${name}`).join('\n')}
`,
    'kubernetes/service.yaml': `apiVersion: v1
kind: Service
${metadata}
spec:
  selector:
    app.kubernetes.io/name: nats-leaf
  ports:
    - name: nats
      port: ${listenPort}
      targetPort: nats
`,
    'kubernetes/stateful-set.yaml': `apiVersion: apps/v1
kind: StatefulSet
${metadata}
spec:
  # Exactly one: two servers of one name would replace each other at the hub.
  replicas: 1
  serviceName: nats-leaf
  selector:
    matchLabels:
      app.kubernetes.io/name: nats-leaf
  template:
    metadata:
      labels:
        app.kubernetes.io/name: nats-leaf
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 30
      securityContext:
        runAsNonRoot: true
        runAsUser: ${CONTAINER_USER}
        runAsGroup: ${CONTAINER_USER}
        fsGroup: ${CONTAINER_USER}
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: nats-server
          image: ${IMAGE}
          command: ["nats-server", "-c", "/etc/nats/nats-leaf.conf"]
          ports:
            - name: nats
              containerPort: ${listenPort}
          # The monitoring port is on the loopback interface, where the kubelet cannot reach it.
          startupProbe: &healthy
            exec:
              command: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:${input.monitorPort}/healthz"]
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 24
          readinessProbe: *healthy
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: ["ALL"]${listenPort < 1024 ? '\n              add: ["NET_BIND_SERVICE"]' : ''}
          volumeMounts:
            - name: configuration
              mountPath: /etc/nats
              readOnly: true
            - name: jetstream
              mountPath: /var/lib/nats/jetstream
            # On the same volume, because those of a StatefulSet cannot be added to. JetStream keeps to a folder of its own there.
            - name: jetstream
              mountPath: /var/lib/nats/accounts
              subPath: accounts
            - name: run
              mountPath: /run/nats
      volumes:
        - name: configuration
          secret:
            secretName: nats-leaf
            defaultMode: 0440
            items:
              - { key: nats-leaf.conf, path: nats-leaf.conf }
${CERTIFICATE_FILES.map((name) => `              - { key: ${name}, path: certs/${name} }`).join('\n')}
${CREDS_FILES.map((name) => `              - { key: ${name}, path: creds/${name} }`).join('\n')}
        - name: run
          emptyDir: {}
  volumeClaimTemplates:
    - metadata:
        name: jetstream
      spec:
        accessModes: ["ReadWriteOnce"]
        resources:
          requests:
            storage: ${volumeGibibytes(input.jetstreamMaxFileBytes)}Gi
`,
  };
}

/** The files of `nats/certs/`. */
export const CERTIFICATE_FILES = [
  'nats-server.pem',
  'nats-server-key.pem',
  'nats-leaf.pem',
  'nats-leaf-key.pem',
  'ca-chain.pem',
  'tenant-ca.pem',
] as const;

/** The files of `creds/`: for the link that carries messages, and for the one over which the leaf learns of revoked users. */
export const CREDS_FILES = ['tenant.creds', 'control.creds'] as const;

// A fifth more than the messages may take, for the file system and the indexes.
const volumeGibibytes = (maxFileBytes: number): number => Math.max(1, Math.ceil((maxFileBytes * 1.2) / 1024 ** 3));
