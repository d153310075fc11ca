/** Errors of configuration, processes, HTTP and the store. */
export const platformErrors = {
  'config-invalid': 'A setting does not fit its schema: mend the one that is named.',
  'usage': 'The command line is off: `--help` shows its options with examples.',
  'data-missing': 'A data file is missing: pass --data or set EDGENT_DATA.',
  'trace-unreadable': 'The bandwidth trace is in no known format: use Belgian 4G/LTE logs or the Oboe table.',
  'process-failed': 'A process of the platform ended or did not become ready: its log says why.',
  'http-failed': 'The control plane did not answer as expected: check its address and that it runs.',
  'token-invalid': 'The access token is malformed, expired or signed by another platform: enrol again.',
  'forbidden': 'This identity may not do that: use a token with the needed role.',
  'not-found': 'There is nothing of that name: list what there is first.',
  'conflict': 'It was changed by somebody else, or exists already: read it again and repeat.',
  'body-invalid': 'The request does not fit its schema: mend the field that is named.',
  'rate-limited': 'Too many requests: wait for the time in Retry-After.',
  'store-damaged': 'A stored row does not match its hash: restore the database from a backup.',
} as const;
