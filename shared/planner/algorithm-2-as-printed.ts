/** What the printed loop finds for one state. */
export interface PrintedEntry<State, Strategy> {
  state: State;
  /** C_optimal; null stands for the printed 0, where there is no strategy at all. */
  strategy: Strategy | null;
  /** reward_max */
  reward: number;
}

/**
 * Algorithm 2 to the letter: states s_1..s_N, strategies C_1..C_M in the order given, and for each state
 *
 *   reward_max = 0; for j = 1..M: if reward_max ≤ R(C_j) then reward_max = R(C_j), C_optimal = C_j
 *
 * Of equal rewards the last strategy wins. So where no strategy meets the deadline and all rewards are 0, the map has
 * whichever strategy happens to stand last, however late it is; the platform takes the least late one and says so.
 * @param rewardOf R(C_j) in state s_i, at least 0; the paper's is `paperReward`
 * @see Li et al., "Edge AI", IEEE TWC 2020, Algorithm 2
 */
export function mapAsPrinted<State, Strategy>(
  states: readonly State[],
  strategies: readonly Strategy[],
  rewardOf: (strategy: Strategy, state: State) => number,
): PrintedEntry<State, Strategy>[] {
  return states.map((state) => {
    let rewardMax = 0;
    let optimal: Strategy | null = null;
    for (const strategy of strategies) {
      const reward = rewardOf(strategy, state);
      if (rewardMax <= reward) {
        rewardMax = reward;
        optimal = strategy;
      }
    }
    return { state, strategy: optimal, reward: rewardMax };
  });
}
