/**
 * Putting the files of the package in place of those that are there, and back if the service does not come up. They stand among files of
 * others, so they are replaced one by one; a list of them in the folder of the previous ones says that this is not done yet, or did not
 * work, and whoever finds it puts them back.
 */
export const FILES = String.raw`
choose_layout() {
  choose_root
  etc=$root/etc/serviceradar
  new=$etc/collector.new
  old=$etc/collector.previous
  conf=$etc/$config_file
  package_files="certs/collector.pem certs/collector-key.pem certs/ca-chain.pem creds/nats.creds"
  managed="$package_files $config_file collector/SHA256SUMS collector/installed"
  made=''
  changing=no
  recovered=no
  restarted=no
}

# The configuration as it is to be installed. Below a prefix, that is put before its paths. Only lines that are a path of a known name
# are touched, so that no text of another kind can pass for one.
configuration_text() {
  if [ -z "$prefix" ]; then
    cat "$bundle/config/$config_file"
    return 0
  fi
  quoted_root=$(printf '%s' "$root" | sed 's/[\\"]/\\&/g')
  export quoted_root
  awk '
    /^ *"?(nats_tls_ca_file|nats_tls_cert|nats_tls_key|nats_creds_file|creds_file|cert_dir|cert_file|key_file|ca_file)"?(: | = )"\/etc\/serviceradar\/(certs|creds)[^"]*",?$/ {
      at = index($0, "\"/etc/serviceradar/")
      $0 = substr($0, 1, at) ENVIRON["quoted_root"] substr($0, at + 1)
    }
    { print }
  ' "$bundle/config/$config_file"
}

# Like mkdir -p; what it makes can be entered by the service. Directories that are there are somebody's, and stay as they are.
make_directory() {
  if [ -d "$1" ]; then return 0; fi
  mkdir -p "$1"
  made="$1 $made"
  if [ -z "$prefix" ]; then
    chown root:serviceradar "$1"
    chmod 0750 "$1"
  fi
}

# Makes, beside what is installed, what it is to become.
stage() {
  make_directory "$etc"
  rm -rf "$new"
  mkdir "$new" "$new/certs" "$new/creds" "$new/collector"
  for file in $package_files; do cp "$bundle/$file" "$new/$file"; done
  cp "$bundle/SHA256SUMS" "$new/collector/SHA256SUMS"
  configuration_text >"$new/$config_file"
  printf 'type %s\npackage %s\n' "$collector_type" "$package_id" >"$new/collector/installed"
  if [ -z "$prefix" ]; then
    # The collector reads its files and cannot change them.
    find "$new" -type f -exec chown root:serviceradar {} +
    find "$new" -type f -exec chmod 0640 {} +
  else
    find "$new" -type f -exec chmod 0600 {} +
  fi
}

installed_field() { sed -n "s/^$1 //p" "$etc/collector/installed" 2>/dev/null || true; }

is_up_to_date() {
  for file in $managed; do cmp -s "$new/$file" "$etc/$file" || return 1; done
}

# Copies what is there now. Once the copy has its name, an installation that is cut off is undone by the next run.
keep_previous() {
  rm -rf "$old.new"
  mkdir "$old.new"
  for file in $managed; do
    if [ -f "$etc/$file" ]; then
      mkdir -p "$(dirname "$old.new/$file")"
      cp -p "$etc/$file" "$old.new/$file"
    fi
  done
  for file in $managed; do printf '%s\n' "$file"; done >"$old.new/pending"
  rm -rf "$old"
  mv "$old.new" "$old"
}

swap_in() {
  for file in $managed; do
    make_directory "$(dirname "$etc/$file")"
    mv -f "$new/$file" "$etc/$file"
  done
}

# Those of others may be empty, too: on the machine itself, only what this run made goes.
remove_empty_directories() {
  if [ -n "$prefix" ]; then
    for directory in "$old" "$etc/collector" "$etc/certs" "$etc/creds" "$etc" "$root/etc" "$root"; do rmdir "$directory" 2>/dev/null || true; done
  else
    for directory in "$old" "$etc/collector" $made; do rmdir "$directory" 2>/dev/null || true; done
  fi
}

# Makes everything be as it was when the list was written; may be cut off, and done again.
put_back() {
  while read -r file; do
    if [ -f "$old/$file" ]; then
      make_directory "$(dirname "$etc/$file")"
      cp -p "$old/$file" "$etc/$file.previous"
      mv -f "$etc/$file.previous" "$etc/$file"
    else
      rm -f "$etc/$file"
    fi
  done <"$old/pending"
  # The list goes first: without some of the files it would say that there were none.
  rm -f "$old/pending"
  rm -rf "$old"
}

# An installation that was cut off before it was seen to work.
recover() {
  if [ -f "$old/pending" ]; then
    warn "$script: An installation was cut off here. What was there before it is put back first."
    put_back
    recovered=yes
  fi
}
`;
