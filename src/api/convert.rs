//! From Provisioners to NodePools.
