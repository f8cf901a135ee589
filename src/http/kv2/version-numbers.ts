/** No secret gets to have more versions: a number above is of none that there is, and refused by the vault as none. */
export const versionsMax = 1_000_000
