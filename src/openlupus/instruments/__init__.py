"""Clinical forms of a lupus trial: one published table and one small engine a form.

Arrays of assessments go in, frozen values of arrays come out; every function is vectorised over
assessments (rows). The instruments report what is missing; what missing *means* is the business
of the protocol. The composites that a declaration may name are in `composites.COMPOSITES`.
"""
