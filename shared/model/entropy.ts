/**
 * How unsure an exit is of its answer: the entropy of the softmax of its outputs, H = −Σ p ln p, in nats. 0 where one
 * label has it all, ln C where all C labels have the same.
 * @param logits one output a label
 * @see Teerapittayanon, McDanel, Kung, "BranchyNet", ICPR 2016, section III: an exit answers where its entropy is under
 *   the threshold of that exit
 */
export function entropyOf(logits: Float32Array): number {
  let greatest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) greatest = Math.max(greatest, logit);
  // With z = logit − greatest and S = Σ e^z: H = ln S − Σ z e^z / S, which no large logit makes overflow.
  let sum = 0;
  let weighted = 0;
  for (const logit of logits) {
    const z = logit - greatest;
    const share = Math.exp(z);
    sum += share;
    // e^z falls faster than z: what is no longer a number in e^z adds nothing.
    if (share > 0) weighted += z * share;
  }
  return sum > 0 ? Math.max(0, Math.log(sum) - weighted / sum) : Number.NaN;
}
