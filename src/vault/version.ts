/** This release, as `vault.opened` records it. A test holds it to package.json. */
export const version = '0.1.0'
