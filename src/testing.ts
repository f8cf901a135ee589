export {
  type Fault,
  type Faults,
  faultStore,
  type ReadStep,
  type StoreStep,
  type WriteStep,
} from './testing/fault-store.ts'
export { type GivenEvent, given } from './testing/given.ts'
export { type StoreContract, type StorePlace, storeContract } from './testing/store-contract.ts'
export { type TestClock, testClock } from './testing/test-clock.ts'
export { type TestVault, type TestVaultOptions, testVault } from './testing/test-vault.ts'
