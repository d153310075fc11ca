/** Errors of planning: numbers that no decision can rest on. */
export const plannerErrors = {
  'planning-input-invalid':
    'A number that planning rests on is no finite number or out of its range: mend the one that is named.',
} as const;
