/** Before anything else: are the files those that were downloaded? Sets `$bundle`, the folder; needs `$bundle_files`, a list without spaces. */
export const SUMS = String.raw`
sha256_of() {
  case $sha256 in
    openssl) openssl dgst -sha256 -r ;;
    shasum) shasum -a 256 ;;
    *) sha256sum ;;
  esac <"$1" | cut -c 1-64
}

check_sums() {
  for sha256 in sha256sum shasum openssl none; do
    if command -v "$sha256" >/dev/null; then break; fi
  done
  [ "$sha256" != none ] || fail 'The checksums cannot be verified: install sha256sum (coreutils), shasum or openssl.'
  bundle=$(cd -- "$(dirname -- "$0")" && pwd -P)
  again='Nothing was changed. Download the bundle again and unpack it into an empty directory.'
  [ -f "$bundle/SHA256SUMS" ] || fail "There is no SHA256SUMS beside $script. $again"
  for file in $bundle_files; do
    grep -q "^[0-9a-f]*  $file\$" "$bundle/SHA256SUMS" || fail "SHA256SUMS does not list $file. $again"
  done
  while read -r sum file; do
    case "/$file/" in
      // | //* | */../*) fail "SHA256SUMS is damaged. $again" ;;
    esac
    [ -f "$bundle/$file" ] || fail "The file $file is missing. $again"
    [ "$(sha256_of "$bundle/$file")" = "$sum" ] || fail "The file $file is not as it was downloaded. $again"
  done <"$bundle/SHA256SUMS"
}
`;
