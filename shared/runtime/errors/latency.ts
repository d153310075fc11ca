/** Errors of latency profiles and of the regressions fitted to them. */
export const latencyErrors = {
  'profile-mismatch':
    'The profile belongs to another model, hardware class or tier than what it is used with: profile that model there.',
  'profile-unusable':
    'The profile lacks layers or segments of its model, or holds times that are negative or no numbers: measure it again.',
  'latency-model-no-data': 'There is nothing to fit latencies to: profile a model on that hardware class first.',
} as const;
