/** Errors of planning: numbers and maps that no decision can rest on. */
export const plannerErrors = {
  'planning-input-invalid':
    'A number that planning rests on is missing, not finite or out of its range: mend the one that is named.',
  'bandwidth-state-unknown': 'The configuration map has no state of that index: take map and states of one revision.',
  'configuration-map-impossible':
    'No plan is left to choose from: lower the minimum accuracy, or use profiles with all segments of the model.',
  'configuration-map-invalid':
    'A plan of the configuration map cannot be, or its content is not what its revision stands for: build it anew.',
  'configuration-map-empty': 'The configuration map has no entries: build it anew from its bandwidth states.',
} as const;
