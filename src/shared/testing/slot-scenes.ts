/** Scenes of the slots for the explorer: `QUICK` ones for every run of the tests, `LONG` ones for `explore-slots.ts`. Used by tests only. */
import type { Scene } from './slot-model.ts'

/** So many calls that any worker may run. */
const any = (count: number): number[] => new Array<number>(count).fill(-1)

export const QUICK: Readonly<Record<string, Scene>> = {
  'one place, three calls': { places: 1, calls: [any(2), any(1)] },
  'one place, a death': { places: 1, calls: [any(1), any(1)], deaths: 1 },
  'one place, time passes': { places: 1, calls: [any(1), any(1)], pauses: 1 },
  'two places, three calls': { places: 2, calls: [any(2), any(1)], isPatient: true },
  'two places, counts of busy ones': {
    places: 2,
    calls: [any(2), any(1)],
    usesCounts: true,
    isPatient: true,
    preemptions: 2,
  },
  'three places, four calls': { places: 3, calls: [any(3), any(1)], isPatient: true, preemptions: 1 },
  'three places, a death': { places: 3, calls: [any(2), any(2)], deaths: 1, isPatient: true, preemptions: 0 },
  'a call waits for one of two workers': {
    workers: 2,
    places: 1,
    calls: [
      [0, 0],
      [-1, 1],
    ],
    isPatient: true,
    preemptions: 1,
  },
  'newest first': {
    places: 1,
    calls: [any(2), any(1)],
    order: 'newest-first',
    pauses: 1,
    isPatient: true,
    preemptions: 0,
  },
  'three threads': { places: 1, calls: [any(1), any(1), any(1)], isPatient: true, preemptions: 1 },
}

export const LONG: Readonly<Record<string, Scene>> = {
  'three places, four calls, all interleavings': { places: 3, calls: [any(2), any(2)], isPatient: true },
  'three places, four calls, counts': {
    places: 3,
    calls: [any(2), any(2)],
    usesCounts: true,
    preemptions: 2,
    isPatient: true,
  },
  'three places, four calls, a death, two preemptions': {
    places: 3,
    calls: [any(2), any(2)],
    deaths: 1,
    isPatient: true,
    preemptions: 2,
  },
  'two places, three calls, a death, all interleavings': {
    places: 2,
    calls: [any(2), any(1)],
    deaths: 1,
    isPatient: true,
  },
  'one place, three calls, a death, all interleavings': { places: 1, calls: [any(2), any(1)], deaths: 1 },
  'one place, two calls, two deaths, all interleavings': { places: 1, calls: [any(1), any(1)], deaths: 2 },
  'one place, three calls, time passes, all interleavings': { places: 1, calls: [any(2), any(1)], pauses: 2 },
  'three threads, all interleavings': { places: 1, calls: [any(1), any(1), any(1)], isPatient: true },
  'calls for one of two workers, a death': {
    workers: 2,
    places: 1,
    calls: [
      [0, 0],
      [1, -1],
    ],
    deaths: 1,
    isPatient: true,
    preemptions: 1,
  },
  'newest first, a death': {
    places: 1,
    calls: [any(2), any(1)],
    order: 'newest-first',
    pauses: 1,
    deaths: 1,
    isPatient: true,
    preemptions: 2,
  },
}
