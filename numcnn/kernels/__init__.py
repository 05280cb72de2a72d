"""The loops: array functions that Numba compiles, each equal to some lines of layers/.

Outputs come first; arrays are flat; tables and steps say where in them things stand. No classes, no
exceptions, no allocation. To read in this order:

    simd/             vectors as values, and the operations on them
    matmul.py         the one product behind dense layers and convolutions
    elementwise.py    ReLU's gradient, softmax with cross-entropy, sums of squares
    pooling.py        max-pooling, alone and fused with the convolution before it
    averages.py       average pooling, of windows or of whole images
    normalization.py  batch normalization: a batch measured, normalised, and the way back;
                      normalization_pool.py: with max-pooling
    sparse.py         gradients of a pooled convolution, where three of four are zero
    depthwise.py      convolutions of each channel by itself
    functions.py      exp, tanh and the like of vectors; curves.py: the activations made of them
    columns.py        col2im, for images of few channels
    winograd.py       3x3 convolutions with a quarter of the products; winograd_backward.py
    random.py         dropout's masks
    updates.py        SGD, RMSprop, Adam
    compile.py        how all this is compiled and kept on disk
    waiting.py        how threads wait for each other

With NUMBA_DISABLE_JIT=1 everything here runs as ordinary Python on NumPy arrays, slowly.
"""
