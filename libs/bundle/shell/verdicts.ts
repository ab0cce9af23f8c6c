/** What `--check` says. Needs `$etc` and `$renewal`, a sentence on how to get another certificate. */
export const VERDICTS = String.raw`
healthy=yes

# One line of --check: verdict SUBJECT GOOD-OR-BAD SENTENCE
verdict() {
  if [ "$2" != good ]; then healthy=no; fi
  printf '%-13s %-4s  %s\n' "$1" "$2" "$3"
}

check_certificate() {
  file=$etc/certs/$2
  if ! command -v openssl >/dev/null; then
    verdict "$1" good 'end date unknown (openssl is not installed)'
  elif ! end=$(openssl x509 -noout -enddate -in "$file" 2>/dev/null | sed 's/^notAfter=//') || [ -z "$end" ]; then
    verdict "$1" bad "cannot be read: $file"
  elif ! openssl x509 -noout -checkend 0 -in "$file" >/dev/null; then
    verdict "$1" bad "expired $end: $renewal"
  else
    verdict "$1" good "valid until $end"
  fi
}
`;
