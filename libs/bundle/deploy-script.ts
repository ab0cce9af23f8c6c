import { BASICS, scriptHead, SUMS } from './shell/index.js';

export interface DeployScriptInput {
  packageId: string;
  /** The Helm values, in the bundle's top folder. */
  valuesFile: string;
  /** The Kubernetes secret that the values mount. */
  secretName: string;
  /** What falcosidekick dials, for people to read. */
  natsUrl: string;
  /** The files that go into the secret, each under its name. */
  secretFiles: readonly string[];
  /** The files that have to be in SHA256SUMS. */
  bundleFiles: readonly string[];
}

/**
 * The text of `deploy.sh`, which brings falcosidekick into a Kubernetes cluster with kubectl and Helm.
 * @throws DomainError `bundle_invalid` when a text has control characters.
 */
export function renderDeployScript(input: DeployScriptInput): string {
  const head = scriptHead('Deploys one falcosidekick collector. What it can do: sh deploy.sh --help', {
    script: 'deploy.sh',
    package_id: input.packageId,
    values_file: input.valuesFile,
    secret_name: input.secretName,
    nats_url: input.natsUrl,
    secret_files: input.secretFiles.join(' '),
    bundle_files: input.bundleFiles.join(' '),
  });
  return head + BASICS + SUMS + BODY;
}

const BODY = String.raw`
usage() {
  cat <<'USAGE'
Deploys falcosidekick with the certificates and credentials of this package, or brings it up to this package.

  sh deploy.sh [--namespace NAME] [--release NAME]

  --namespace NAME      where to (falco); made if it is not there
  --release NAME        name of the Helm release (falcosidekick)
  --context NAME        the cluster, as kubectl knows it; the current one otherwise
  --chart CHART         a chart of your own: a directory, an archive or an oci:// address
  --chart-version V     version of the chart; the newest otherwise
  --timeout SECONDS     how long to wait until it runs (300)
  --dry-run             say what would be done, and change nothing
  --uninstall           remove the release and the secret
  --help                this text

Needs kubectl and helm. Exit status: 0 done; 1 failed; 2 wrong usage.
USAGE
}

parse_options() {
  namespace=falco
  release=falcosidekick
  context=''
  chart=''
  chart_version=''
  timeout=300
  dry_run=no
  action=deploy
  while [ $# -gt 0 ]; do
    case $1 in
      --namespace | --release | --context | --chart | --chart-version | --timeout)
        if [ $# -lt 2 ] || [ -z "$2" ]; then wrong_usage "$1 needs a value."; fi
        case $1 in
          --namespace) namespace=$2 ;;
          --release) release=$2 ;;
          --context) context=$2 ;;
          --chart) chart=$2 ;;
          --chart-version) chart_version=$2 ;;
          --timeout) timeout=$2 ;;
        esac
        shift
        ;;
      --dry-run) dry_run=yes ;;
      --uninstall) action=uninstall ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) wrong_usage "There is no option $1." ;;
    esac
    shift
  done
  for name in "$namespace" "$release"; do
    case $name in
      -* | *- | *[!a-z0-9-]*) wrong_usage "This is not a name in Kubernetes: $name." ;;
    esac
  done
  case $timeout in
    0* | *[!0-9]* | ??????*) wrong_usage "--timeout takes a number of seconds, not $timeout." ;;
  esac
}

require_tools() {
  command -v kubectl >/dev/null || fail 'kubectl is needed. Install it, and let it know the cluster.'
  command -v helm >/dev/null || fail 'helm is needed: version 3.13 or newer.'
}

in_cluster() {
  if [ -n "$context" ]; then set -- "$@" --context "$context"; fi
  kubectl "$@"
}

with_helm() {
  if [ -n "$context" ]; then set -- "$@" --kube-context "$context"; fi
  helm "$@"
}

# The secret, for the server to apply. Nothing of it is written to a disk or shown by ps.
secret_manifest() {
  set --
  for file in $secret_files; do set -- "$@" --from-file="$bundle/$file"; done
  kubectl create secret generic "$secret_name" --namespace "$namespace" "$@" --dry-run=client --output yaml
}

make_namespace() {
  if [ -n "$(in_cluster get namespace "$namespace" --ignore-not-found --output name)" ]; then return 0; fi
  in_cluster create namespace "$namespace"
}

apply_secret() {
  manifest=$(secret_manifest) || fail 'The secret could not be made.'
  # By the server: a client that applies keeps a copy of what it applied in an annotation.
  printf '%s\n' "$manifest" | in_cluster apply --server-side --force-conflicts --field-manager serviceradar --namespace "$namespace" --filename -
}

upgrade() {
  # The checksum makes the pods start anew when the secret changes.
  set -- upgrade --install "$release" --namespace "$namespace" --values "$bundle/$values_file" \
    --set-string "podAnnotations.checksum/serviceradar=$(sha256_of "$bundle/SHA256SUMS")" "$@"
  if [ -n "$chart_version" ]; then set -- "$@" --version "$chart_version"; fi
  if [ -n "$chart" ]; then
    with_helm "$@" "$chart"
  else
    with_helm "$@" --repo https://falcosecurity.github.io/charts falcosidekick
  fi
}

deploy() {
  if [ "$dry_run" = yes ]; then
    say "Would make the secret $secret_name in the namespace $namespace of: $secret_files"
    upgrade --dry-run || fail 'Helm does not take these values.'
    say 'Nothing was changed.'
    return 0
  fi
  make_namespace || fail "There is no namespace $namespace, and it could not be made."
  apply_secret || fail "The secret $secret_name could not be written."
  # Goes back to the release before if it does not come up.
  upgrade --wait --atomic --timeout "$timeout"s || fail "The release $release does not come up. What ran before runs on: helm history $release --namespace $namespace"
  say "falcosidekick runs with the files of package $package_id, and sends to $nats_url."
  # As the chart names its objects.
  case $release in
    *falcosidekick*) host=$release ;;
    *) host=$release-falcosidekick ;;
  esac
  say "Let Falco send to http://$host.$namespace.svc:2801/ (http_output.url, with json_output)."
}

uninstall() {
  if [ "$dry_run" = yes ]; then
    say "Would remove the release $release and the secret $secret_name in the namespace $namespace."
    return 0
  fi
  with_helm uninstall "$release" --namespace "$namespace" --ignore-not-found --wait || fail "The release $release could not be removed."
  in_cluster delete secret "$secret_name" --namespace "$namespace" --ignore-not-found || fail "The secret $secret_name could not be removed."
  say "falcosidekick was removed from the namespace $namespace."
}

main() {
  parse_options "$@"
  check_sums
  require_tools
  "$action"
}

main "$@"
`;
