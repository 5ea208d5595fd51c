"""The studies of SSMTL++: Tables 1 to 4 and Figure 1, trained, scored, and set beside the published numbers."""
