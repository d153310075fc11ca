/** Errors of configuration, processes, HTTP and the store. */
export const platformErrors = {
  'config-invalid': 'A setting does not fit its schema: mend the one that is named.',
  usage: 'The command line is off: `--help` shows its options with examples.',
  'data-missing': 'A data file is missing: pass --data or set EDGENT_DATA.',
  'file-invalid':
    'The file is not of the kind that is asked for there, or is damaged: mend the field that is named, or name another.',
  'file-unwritable': 'The file cannot be written there: name another place, or mend what is in the way.',
  'decisions-missing':
    'No decisions are kept there: run the device first, or pass --data-folder with the folder that it runs on.',
  'trace-unreadable':
    'The bandwidth trace is in no known format, or time goes back or is missing in it: use whole Belgian 4G/LTE logs or the Oboe table.',
  'process-failed': 'A process of the platform ended or did not become ready: its log says why.',
  'listen-failed':
    'The address cannot be listened on: another process has the port, or it is not of this machine; name another.',
  'http-failed': 'The control plane did not answer: check its address and that it runs.',
  'http-answer-unexpected':
    'What answered is no control plane of this release: see the message, and what else may listen at that address.',
  'token-invalid':
    'The token is malformed, expired, or of another kind or platform: pass the one that the message names, or enrol again.',
  forbidden: 'This identity may not do that: use a token with the needed role.',
  'not-found': 'There is nothing of that name: list what there is first.',
  conflict: 'It was changed by somebody else, or exists already: read it again and repeat.',
  'body-invalid': 'The request does not fit its schema: mend the field that is named.',
  'query-parameter-unknown': 'The route knows no query parameter of that name: correct it, or leave it out.',
  'rate-limited': 'Too many requests: wait for the time in Retry-After.',
  'store-damaged': 'A stored row does not match its hash: restore the database from a backup.',
  'body-too-large': 'The request body is larger than the control plane takes: send less.',
  'media-type-unsupported': 'The request body is in a format that is not read here: send application/json.',
  'precondition-required': 'A change needs If-Match with the ETag that was read: read first, then change.',
  'precondition-failed': 'It was changed since it was read: read it again, then repeat the change.',
  'request-timeout': 'The request did not come in whole in time: send it again, or over a faster link.',
  'request-malformed': 'What came is no HTTP request: check address, port and proxy.',
  'experiment-failed':
    'A measurement did not come about: see the message, then run it again, which goes on where it was.',
  'experiment-stopped': 'The run was asked to stop: the same command goes on where it was.',
  'experiment-data-invalid': 'The data of an experiment do not fit its schema: run that experiment again.',
  'link-unavailable':
    'The kernel shapes no link here: run as root with iproute2, where there are network namespaces, veth and tbf.',
  internal: 'An unexpected fault: the message and the log of the process say more.',
} as const;
