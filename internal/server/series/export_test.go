package series

// What tests outside of this package look at.

var FindSeriesQuery = findSeriesQuery

const ByHashQuery = byHashQuery
