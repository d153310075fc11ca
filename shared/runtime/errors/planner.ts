/** Errors of planning: numbers and maps that no decision can rest on. */
export const plannerErrors = {
  'planning-input-invalid':
    'A number that planning rests on is missing, not finite or out of its range: mend the one that is named.',
  'bandwidth-states-empty': 'A configuration map needs at least one bandwidth state: give a trace or a history first.',
  'bandwidth-states-unsorted': 'Bandwidth states must rise from one to the next, the first from 0: sort them.',
  'bandwidth-states-repeated': 'Two bandwidth states are the same: keep one of them.',
  'bandwidth-state-invalid': 'A bandwidth state needs a finite rate above 0 Mbit/s: mend the one that is named.',
  'bandwidth-state-unknown': 'The configuration map has no state of that index: take map and states of one revision.',
  'configuration-map-empty': 'The configuration map has no entries: build it anew from its bandwidth states.',
} as const;
