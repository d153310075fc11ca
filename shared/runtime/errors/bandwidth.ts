/** Errors of bandwidth samples, bandwidth states and their detectors. */
export const bandwidthErrors = {
  'bandwidth-invalid': 'A bandwidth sample is a finite number of Mbit/s, 0 or more: leave out what was not measured.',
  'detector-parameters-invalid': 'A parameter of the detector is out of its range: mend the one that is named.',
  'detector-snapshot-invalid':
    'The stored state of the detector is damaged or of other settings: start without it, the next samples replace it.',
  'bandwidth-states-empty': 'There is no bandwidth state: pass at least one trace and ask for at least one state.',
  'bandwidth-history-short':
    'Too little bandwidth was reported to build states from: let devices run longer, take the whole fleet, or logs.',
  'bandwidth-states-invalid':
    'Bandwidth states ascend strictly in both rates, and the first begins at 0: build them again from traces.',
} as const;
